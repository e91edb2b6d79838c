const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = () => {
  const command = workspace.getConfiguration("putback").get("path");
  const watched = "**/{*.py,pyproject.toml,putback.toml,.putback.toml}";
  client = new LanguageClient(
    "putback",
    "putback",
    { command, args: ["server"] },
    {
      documentSelector: [{ scheme: "file", language: "python" }],
      synchronize: { fileEvents: workspace.createFileSystemWatcher(watched) },
    },
  );
  return client.start();
};

exports.deactivate = () => client && client.stop();
