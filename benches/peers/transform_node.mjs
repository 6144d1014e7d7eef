// The transform function as it is usually written for Node: JSON, Buffer, Intl, one object a row. Polls the Lambda Runtime API itself,
// as the Node runtime does.
import { createHash } from "node:crypto";
import http from "node:http";

const api = process.env.AWS_LAMBDA_RUNTIME_API;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const formats = new Map();

/** Dates of a zone's wall clock as YYYY-MM-DD. */
function dates(zone) {
  if (!formats.has(zone)) {
    formats.set(zone, new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }));
  }
  return formats.get(zone);
}

/** The canonical lines of a page of daily bars. */
function transform(envelope) {
  const { body, unit, sha256 } = envelope;
  if (createHash("sha256").update(body).digest("hex") !== sha256) throw new Error("the body is not what was sealed");
  const page = JSON.parse(body);
  if (page.status !== "OK" || page.ticker !== unit.symbol || page.adjusted) throw new Error("the page must not be believed");
  const zone = dates(unit.exchange_tz);
  const fetchedAt = new Date(envelope.fetched_at);
  const [fetchedText, fetchedDate] = [fetchedAt.toISOString(), zone.format(fetchedAt)];
  const lines = page.results.map((bar) => {
    const tradingDate = zone.format(new Date(bar.t));
    return JSON.stringify({
      dataset: "daily_bars", provider: "polygon", provider_symbol: unit.symbol, symbol: `${unit.symbol}.${unit.exchange_mic}`,
      asset_class: unit.asset_class, exchange_mic: unit.exchange_mic, interval: unit.interval, trading_date: tradingDate,
      bar_start: `${tradingDate}T00:00:00.000Z`, exchange_tz: unit.exchange_tz, open: bar.o, high: bar.h, low: bar.l, close: bar.c,
      volume: bar.v, vwap: bar.vw, trade_count: bar.n, adjustment: "raw", session: "regular", currency: unit.currency,
      quote_unit: unit.currency, unit_divisor: 1, is_final: fetchedDate > tradingDate, delay_class: "eod", provider_ts: bar.t,
      fetched_at: fetchedText, request_id: page.request_id, run_id: envelope.run_id, unit_id: unit.id, raw_sha256: sha256, schema_version: 1,
    });
  });
  return lines.join("\n") + "\n";
}

/** Firehose's records in, Firehose's records out. */
function handler(event) {
  const records = event.records.map(({ recordId, data }) => {
    try {
      const lines = transform(JSON.parse(Buffer.from(data, "base64").toString()));
      return { recordId, result: "Ok", data: Buffer.from(lines).toString("base64") };
    } catch {
      return { recordId, result: "ProcessingFailed", data };
    }
  });
  return { records };
}

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const [host, port] = api.split(":");
    const request = http.request({ host, port, method, path, agent, headers: body ? { "content-length": Buffer.byteLength(body) } : {} }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part)).on("end", () => resolve({ headers: answer.headers, text: Buffer.concat(parts).toString() }));
    });
    request.on("error", reject).end(body);
  });
}

for (;;) {
  const next = await call("GET", "/2018-06-01/runtime/invocation/next");
  const request = next.headers["lambda-runtime-aws-request-id"];
  await call("POST", `/2018-06-01/runtime/invocation/${request}/response`, JSON.stringify(handler(JSON.parse(next.text))));
}
