// What the readers for Node.js share: the loop over the paths, and the digest.
const crypto = require('node:crypto');
const fs = require('node:fs');
const readline = require('node:readline');

exports.attachment = (filename, type, content) => {
  const body = Buffer.from(content ?? '');
  return {
    filename: filename ?? '',
    type: type ?? '',
    size: body.length,
    sha256: crypto.createHash('sha256').update(body).digest('hex'),
  };
};

exports.seconds = (date) => {
  const milliseconds = date ? new Date(date).getTime() : NaN;
  return Number.isNaN(milliseconds) ? null : Math.floor(milliseconds / 1000);
};

exports.run = async (read) => {
  for await (const path of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
      answer = await read(fs.readFileSync(path));
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify({ path, ...answer })}\n`);
  }
};
