// Run nodemailer's smtp-server, which keeps envelopes and contents; a line on stdin discards them.
const { SMTPServer } = require("smtp-server");
let kept = [];
process.stdin.on("data", () => { kept = []; });
new SMTPServer({
  authOptional: true, disabledCommands: ["STARTTLS", "AUTH"], disableReverseLookup: true, logger: false,
  onData(stream, session, done) {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => { kept.push([session.envelope, Buffer.concat(chunks)]); done(); });
  },
}).listen(Number(process.argv[2]), "127.0.0.1");
