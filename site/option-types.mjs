/**
 * For TypeDoc: types that a public function takes and that no module exports (`DenseOptions`) get a page in the module that
 * refers to them. typedoc-plugin-missing-exports would do it for all that can be reached, the compiler included: 2,000 pages.
 */
import { Context, Converter, ReflectionKind } from "typedoc";

/** What options are called, and what they are made of. */
const isOption = (name) => /Options$/.test(name) || ["AnyRecurrent", "Named", "Recurrent"].includes(name);

export function load(app) {
  const programs = new Map();
  const wanted = new Map();
  const create = Context.prototype.createSymbolReference;
  Context.prototype.createSymbolReference = function (symbol, context, name) {
    if (isOption(name ?? symbol.name)) {
      let owner = context.scope;
      while (!owner.kindOf(ReflectionKind.Module) && owner.parent) owner = owner.parent;
      if (!wanted.has(symbol)) wanted.set(symbol, owner);
    }
    return create.call(this, symbol, context, name);
  };
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.kindOf(ReflectionKind.Module)) programs.set(reflection, context.program);
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    const done = new Set();
    for (let found = true; found; ) {
      found = false;
      for (const [symbol, owner] of [...wanted]) {
        if (done.has(symbol) || !programs.has(owner)) continue;
        done.add(symbol);
        context.setActiveProgram(programs.get(owner));
        if (context.getReflectionFromSymbol(symbol) !== undefined) continue;
        found = true;
        app.converter.permitDeferredConversion();
        app.converter.convertSymbol(context.withScope(owner), symbol);
        app.converter.finalizeDeferredConversion();
      }
    }
  });
}
