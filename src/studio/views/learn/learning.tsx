/** Chapter 2: a loss as a landscape, slopes, backpropagation, and what hidden neurons are for. */
import { Formula } from "../../components/formula.tsx";
import { rich, texts } from "../../texts/texts.ts";
import { Activation } from "./activation.tsx";
import { Chain } from "./chain.tsx";
import { Landscape } from "./landscape.tsx";
import { Questions } from "./questions.tsx";
import { Symbols } from "./symbols.tsx";
import { Xor } from "./xor.tsx";
import "./learning.css";

const own = texts.learn.learning;
const symbols = { error: <Formula tex="\hat y - y" />, product: <Formula tex="0.5 \cdot 2 = 1" /> };

export default function Learning() {
  return (
    <>
      <p>{own.lead}</p>

      <h2>{own.loss.title}</h2>
      <p>{own.loss.plant}</p>
      <Formula display tex="\hat y = w\,x + b" />
      <Symbols
        of={[
          ["x", own.loss.symbols.x],
          ["w", own.loss.symbols.w],
          ["b", own.loss.symbols.b],
          ["\\hat y", own.loss.symbols.y],
        ]}
      />
      <p>{rich(own.loss.about, symbols)}</p>
      <Formula display tex="L = \frac{1}{n} \sum_{k=1}^{n} (\hat y_k - y_k)^2" />
      <Symbols
        of={[
          ["L", own.loss.symbols.L],
          ["\\sum", own.loss.symbols.sum],
          ["k, n", own.loss.symbols.k],
          ["(\\;)^2", own.loss.symbols.squared],
        ]}
      />
      <p>{own.landscape.lead}</p>
      <Landscape />
      <h3>{own.landscape.title}</h3>
      <p>{rich(own.landscape.about)}</p>
      <Formula
        display
        tex="\begin{aligned}w &\leftarrow w - \eta\,\frac{\partial L}{\partial w} \\ b &\leftarrow b - \eta\,\frac{\partial L}{\partial b}\end{aligned}"
      />
      <Symbols
        of={[
          ["\\frac{\\partial L}{\\partial w}", own.landscape.symbols.slope],
          ["\\eta", own.landscape.symbols.eta],
          ["\\leftarrow", own.landscape.symbols.becomes],
        ]}
      />
      <ul class="try">
        {own.landscape.try.map((each) => (
          <li key={each}>{rich(each)}</li>
        ))}
      </ul>

      <h2>{own.curves.title}</h2>
      <p>{own.curves.lead}</p>
      <Formula display tex="\sigma(x) = \frac{1}{1 + e^{-x}} \qquad \tanh(x) = 2\,\sigma(2x) - 1" />
      <Symbols
        of={[
          ["\\sigma", own.curves.symbols.sigma],
          ["\\tanh", own.curves.symbols.tanh],
          ["e^{-x}", own.curves.symbols.e],
        ]}
      />
      <Activation />
      <p>{own.curves.about}</p>

      <h2>{own.back.title}</h2>
      <p>{rich(own.back.lead)}</p>
      <Symbols
        of={[
          ["s_1, a_1", own.back.symbols.s],
          ["t", own.back.symbols.t],
          ["\\cdot", own.back.symbols.times],
          ["1 - a^2", own.back.symbols.slope],
        ]}
      />
      <Chain />
      <p>{rich(own.back.gears, symbols)}</p>
      <p>{own.back.about}</p>

      <h2>{own.xor.title}</h2>
      <p>{rich(own.xor.lead)}</p>
      <Xor />
      <p class="small soft">{own.xor.legend}</p>
      <ul class="try">
        {own.xor.try.map((each) => (
          <li key={each}>{rich(each)}</li>
        ))}
      </ul>
      <Questions chapter="learning" />
      <p class="sources">{own.sources}</p>
    </>
  );
}
