/**
 * Makes the pictures of the README and of docs/ from one real run: the live view of a client at a terminal, the web
 * page of its server, and the report of both sides' recordings. A relay on loopback is the path that fails.
 *
 * Takes tmux and chromium. The picture of the terminal is text (SVG), those of pages are PNG.
 *
 * @module
 */
import ansiToSvg from "ansi-to-svg";
import { Chromium } from "../tests/support/chromium.ts";
import { Folder } from "../tests/support/folder.ts";
import { freePort } from "../tests/support/ports.ts";
import { commandWords, startCommand } from "../tests/support/process.ts";
import { Relay } from "../tests/support/relay.ts";
import { Tmux } from "../tests/support/tmux.ts";

/** Where the pictures are kept. */
const PICTURES = "docs/pictures";

/** The size of the terminal, in characters. */
const SIZE = { columns: 96, rows: 20 };

/** How wide a page is, and how much of it is shown, in pixels. */
const PAGE = { width: 1_100, height: 900 };

const TIMERS = [
  ...["--data-interval=1", "--data-threshold=3", "--heartbeat-interval=1"],
  ...["--heartbeat-threshold=3", "--heartbeat-additional-tries=3"],
];

/** How many sessions the server has besides the one at the terminal. */
const OTHERS = 24;

/** What a terminal shows, as SVG. */
function svgOf(screen: string): string {
  const padding = { paddingTop: 10, paddingLeft: 12, paddingBottom: 10, paddingRight: 12 };
  const fontFamily = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace";
  const svg = ansiToSvg(screen, { ...padding, fontFamily, fontSize: 13 });
  // Several spaces are shown as one otherwise.
  return `${svg.replace("<svg ", '<svg xml:space="preserve" ')}\n`;
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Makes the report of the recordings in a folder, which it names as they are named there. */
async function makeReport(folder: string): Promise<void> {
  const [program, ...words] = commandWords("client");
  const args = [...words, "report", "--html", "report.html", "client.rec", "server.rec"];
  const { stderr, success } = await new Deno.Command(program!, { args, cwd: folder }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function take(): Promise<void> {
  using folder = new Folder();
  await using stage = new AsyncDisposableStack();
  const [port, web] = [freePort(), freePort()];
  const recordings = ["client", "server"].map((role) => `${folder.path}/${role}.rec`);
  const address = ["127.0.0.1", `${port}`];
  const server = stage.use(
    startCommand("server", [...address, ...TIMERS, `--web=${web}`, `--record=${recordings[1]}`]),
  );
  await server.event("listening");
  const relay = stage.use(await Relay.open(port));
  stage.use(startCommand("client", [...address, ...TIMERS, `--sessions=${OTHERS}`, "--ramp=2"]));

  const env = { NO_COLOR: "" };
  const tmux = stage.use(await Tmux.open({ ...SIZE, run: commandWords("client"), env }));
  await tmux.enter("clear");
  await tmux.enter(`run 127.0.0.1 ${relay.port} ${TIMERS.join(" ")} --record ${recordings[0]}`);
  await tmux.shows(/no outage/);
  await pause(12_000);
  relay.silence();
  await tmux.shows(/silent for/);
  await tmux.shows(/1 heartbeat missed/);
  relay.heal();
  await tmux.shows(/1 outage/);
  await pause(10_000);
  relay.silence();
  await tmux.shows(/2 heartbeats missed/);
  Deno.writeTextFileSync(`${PICTURES}/live.svg`, svgOf(await tmux.screen({ styled: true })));

  const chromium = stage.use(await Chromium.start());
  await chromium.openUrl(`http://127.0.0.1:${web}/`, PAGE.width, "light");
  await chromium.until("document.body.innerText.includes('dead in')");
  Deno.writeFileSync(`${PICTURES}/page.png`, await chromium.screenshot(PAGE));

  relay.heal();
  await tmux.shows(/2 outages/);
  await tmux.press("C-c");
  await tmux.shows(/^\$$/m);
  await server.event("summary");
  await makeReport(folder.path);
  await chromium.open(`${folder.path}/report.html`, PAGE.width, "light");
  Deno.writeFileSync(`${PICTURES}/report.png`, await chromium.screenshot(PAGE));
}

Deno.mkdirSync(PICTURES, { recursive: true });
await take();
for (const name of ["live.svg", "page.png", "report.png"]) console.log(`${PICTURES}/${name}`);
