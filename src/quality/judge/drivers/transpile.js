// Turns the answer's TypeScript into JavaScript with the compiler's own transpiler: syntax errors are told, types are not checked.
"use strict";
const fs = require("fs");
const [library, ...paths] = process.argv.slice(2);
const ts = require(library);
const files = {};
const errors = [];
for (const path of paths) {
  const result = ts.transpileModule(fs.readFileSync(__dirname + "/answer/" + path, "utf8"), {
    fileName: path,
    reportDiagnostics: true,
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2020, esModuleInterop: true, jsx: ts.JsxEmit.React,
                       experimentalDecorators: true },
  });
  for (const one of result.diagnostics || []) {
    const at = one.file && one.start !== undefined ? one.file.getLineAndCharacterOfPosition(one.start).line + 1 : 0;
    errors.push(`${path}:${at}: TS${one.code}: ${ts.flattenDiagnosticMessageText(one.messageText, " ")}`);
  }
  files[path.replace(/\.(tsx?|jsx?)$/, ".js")] = result.outputText;
}
process.stdout.write(JSON.stringify({ files, errors }) + "\n");
