/**
 * Looks on as so many open web pages do: URL PAGES. Writes `looking` when all have been shown something.
 *
 * @module
 */
const [url, pages] = [Deno.args[0]!, Number(Deno.args[1])];

/** What a page asks for after each event, where its list is at the top. */
const LIST = "api/sessions?order=worst&descending=false&from=0&count=60&history=true";

async function read(path: string): Promise<void> {
  const response = await fetch(url + path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  await response.bytes();
}

/** One open page; calls back once it has been shown something. */
async function look(shown: () => void): Promise<void> {
  const { body } = await fetch(`${url}api/events`);
  for await (const _event of body!) {
    await read(LIST);
    shown();
  }
}

const first = Array.from({ length: pages }, () => Promise.withResolvers<void>());
for (const { resolve } of first) void look(resolve);
await Promise.all(first.map(({ promise }) => promise));
console.log(JSON.stringify({ event: "looking" }));
