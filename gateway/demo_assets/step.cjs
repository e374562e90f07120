// Runs one step of the demonstration, `node parse.cjs create '{}'`, and prints what it did and saw as JSON.
module.exports = steps => {
  const [name, input] = process.argv.slice(2);
  const code = steps[name].toString().replaceAll('\n  ', '\n');
  steps[name](JSON.parse(input)).then(
    saw => console.log(JSON.stringify({ code, saw })),
    error => {
      console.error(error);
      process.exit(1);
    }
  );
};
