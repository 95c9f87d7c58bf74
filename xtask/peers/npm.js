// Draws with svg-captcha, as src/main.rs does with crates: `N` on standard input draws N.
import { createInterface } from "node:readline";
import svgCaptcha from "svg-captcha";

for await (const line of createInterface({ input: process.stdin })) {
  const milliseconds = [];
  const bytes = [];
  for (let turn = Number(line.split("\t").at(-1)); turn > 0; turn -= 1) {
    const start = process.cpuUsage();
    const { data } = svgCaptcha.create();
    const { user, system } = process.cpuUsage(start);
    milliseconds.push((user + system) / 1000);
    bytes.push(Buffer.byteLength(data));
  }
  console.log(JSON.stringify({ milliseconds, bytes }));
}
