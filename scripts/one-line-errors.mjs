/** Loaded before a program: what its user got wrong is one line and exit 2; anything else is shown as Node shows it. */
process.on("uncaughtException", (error) => {
  const users = error?.name === "InputError" || /^ERR_PARSE_ARGS|^ENOENT$/.test(error?.code);
  console.error(users ? `unrolled: ${error.message.replace(/\s*\n\s*/g, " ")}` : error);
  process.exit(users ? 2 : 1);
});
