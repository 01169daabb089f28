// Read a job's stream with an EventSource of npm: `node read_events.mjs eventsource|undici URL TYPE…`.
// Prints the durable events as one JSON list of [id, type, data] when a terminal one has come.
const [client, url, ...types] = process.argv.slice(2);
const { EventSource } = await import(client);
// undici's pause before it comes back keeps no process alive.
setInterval(() => {}, 1_000);
const source = new EventSource(url);
const seen = [];
let opened = 0;
source.addEventListener("open", () => (opened += 1));
for (const type of types) {
  source.addEventListener(type, (event) => {
    if (!event.data.includes('"seq":')) return;
    seen.push([event.lastEventId, event.type, event.data]);
    if (/^job_(completed|failed|timeout|cancelled)$/.test(type)) {
      source.close();
      console.log(JSON.stringify({ opened, seen }));
      process.exit(0);
    }
  });
}
