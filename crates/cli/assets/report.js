// Draws the closes. Everything shown comes from the JSON in #report-data (see src/report/chart.rs for its shape)
// and reaches the page as text nodes, never as markup.
(function () {
  "use strict";

  const FIRST_SHOWN = 8;
  const COLOURS = 8; // --series-1 to --series-8 in report.css
  const DASHES = ["solid", "dashed", "dotted"];
  const FILTER_FROM = 13; // symbols from which a search box helps
  const DAY_MS = 86400000;

  document.getElementById("echarts-version").textContent = echarts.version;
  const box = document.getElementById("closes-chart");
  if (!box) return; // the lake holds no bars

  const data = JSON.parse(document.getElementById("report-data").textContent);
  const days = data.calendar.map((iso) => Date.parse(iso));
  const shown = new Map(); // index of a series -> its slot, which decides its colour and dash
  let scale = "value";

  const chart = echarts.init(box, null, { renderer: "svg" });
  box.firstElementChild.setAttribute("aria-hidden", "true"); // the box itself has the label

  // ---- data

  const closesCache = new Map();

  /** Closes of a series as text, by place in the calendar from its `start`; an empty string is a day without. */
  function closesOf(at) {
    let closes = closesCache.get(at);
    if (!closes) {
      closes = data.series[at].closes.split(",");
      closesCache.set(at, closes);
    }
    return closes;
  }

  function pointsOf(at) {
    const start = data.series[at].start;
    const points = [];
    closesOf(at).forEach((close, n) => {
      const day = days[start + n];
      if (close !== "" && Number.isFinite(day)) points.push([day, Number(close)]);
    });
    return points;
  }

  /** Each split at the upper end of the jump it makes in the line. */
  function splitMarks(at, points) {
    return data.series[at].splits.flatMap((split) => {
      const exDate = Date.parse(split.date);
      const after = points.findIndex(([day]) => day >= exDate);
      if (after < 0) return [];
      const close = Math.max(points[after][1], points[Math.max(after - 1, 0)][1]);
      return [{ coord: [points[after][0], close], value: split.ratio }];
    });
  }

  function nearestPlace(time) {
    let low = 0;
    let high = days.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (days[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low > 0 && time - days[low - 1] < days[low] - time ? low - 1 : low;
  }

  // ---- look: colours are CSS variables, so that light, dark and print follow the style sheet

  const colourOf = (slot) => `var(--series-${(slot % COLOURS) + 1})`;
  const dashOf = (slot) => DASHES[Math.floor(slot / COLOURS) % DASHES.length];
  const isNarrow = () => box.clientWidth < 600;

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function swatch(slot) {
    const made = element("span", "swatch");
    if (slot !== undefined) {
      made.style.borderTopColor = colourOf(slot);
      made.style.borderTopStyle = dashOf(slot);
    }
    return made;
  }

  function tooltip(hits) {
    const place = nearestPlace(hits[0].axisValue);
    const made = element("div", "tip");
    made.append(element("div", "tip-date", data.calendar[place]));
    for (const [at, slot] of shown) {
      const series = data.series[at];
      const close = closesOf(at)[place - series.start];
      if (!close) continue;
      const split = series.splits.find((of) => of.date === data.calendar[place]);
      const row = element("div", "tip-row");
      row.append(swatch(slot), element("span", "", series.symbol + (split ? ` (split ${split.ratio})` : "")));
      row.append(element("b", "", close), element("span", "unit", series.currency));
      made.append(row);
    }
    return made;
  }

  // ---- drawing

  function seriesOption(at, slot) {
    const points = pointsOf(at);
    return {
      id: String(at),
      name: data.series[at].symbol,
      type: "line",
      data: points,
      sampling: "lttb",
      showSymbol: points.length === 1,
      lineStyle: { color: colourOf(slot), width: 1.5, type: dashOf(slot) },
      itemStyle: { color: colourOf(slot) },
      emphasis: { disabled: true },
      markPoint: {
        silent: true,
        symbol: "triangle",
        symbolSize: 9,
        symbolRotate: 180,
        symbolOffset: [0, "-70%"],
        itemStyle: { color: colourOf(slot), borderColor: "var(--surface)", borderWidth: 1 },
        label: { show: true, position: "top", distance: 3, color: "var(--ink)", fontSize: 12 },
        data: splitMarks(at, points),
      },
    };
  }

  /** 1, 2 and 5 times every power of ten: a logarithmic axis has too few marks otherwise. */
  function logMarks() {
    const marks = [];
    for (let power = -6; power <= 7; power += 1) {
      for (const step of [1, 2, 5]) marks.push(Number(`${step}e${power}`));
    }
    return marks;
  }

  function currencyShown() {
    const currencies = new Set([...shown.keys()].map((at) => data.series[at].currency));
    return currencies.size === 1 ? [...currencies][0] : "each in its own currency";
  }

  function yAxis() {
    const marks = scale === "log" ? logMarks() : undefined;
    return {
      type: scale,
      scale: true,
      name: currencyShown(),
      nameLocation: "end",
      nameTextStyle: { color: "var(--muted)", align: "left", padding: [0, 0, 0, isNarrow() ? -36 : -48] },
      min: scale === "log" ? (extent) => roundDown(extent.min) : undefined,
      max: scale === "log" ? (extent) => roundUp(extent.max) : undefined,
      axisLine: { show: false },
      axisTick: { show: false, customValues: marks },
      axisLabel: {
        color: "var(--muted)",
        customValues: marks,
        hideOverlap: true,
        formatter: (value) => value.toLocaleString("en-US", { maximumSignificantDigits: 6 }),
      },
      splitLine: { lineStyle: { color: "var(--line)" } },
    };
  }

  const roundDown = (value) => [...logMarks()].reverse().find((mark) => mark <= value) ?? value;
  const roundUp = (value) => logMarks().find((mark) => mark >= value) ?? value;

  function label() {
    const names = [...shown.keys()].map((at) => `${data.series[at].symbol} (${data.series[at].currency})`);
    const what = names.length ? names.join(", ") : "no symbol; choose one above";
    return (
      `Line chart of unadjusted daily closes, ${data.calendar[0]} to ${data.calendar.at(-1)}, ` +
      `${scale === "log" ? "logarithmic" : "linear"} scale, of ${what}. ` +
      "The table of monthly averages gives the same prices as text."
    );
  }

  function draw(around) {
    chart.setOption(
      { ...around, yAxis: yAxis(), series: [...shown].map(([at, slot]) => seriesOption(at, slot)) },
      { replaceMerge: ["series", "yAxis"] },
    );
    box.setAttribute("aria-label", label());
  }

  function frame() {
    const narrow = isNarrow();
    return {
      grid: { left: narrow ? 44 : 56, right: narrow ? 14 : 20, top: 34, bottom: 78, containLabel: false },
      xAxis: {
        type: "time",
        min: days[0],
        max: days[days.length - 1],
        axisLine: { lineStyle: { color: "var(--line)" } },
        axisTick: { lineStyle: { color: "var(--line)" } },
        axisLabel: { color: "var(--muted)", hideOverlap: true },
        splitLine: { show: false },
        splitNumber: narrow ? 4 : 10,
        axisPointer: { lineStyle: { color: "var(--muted)" }, label: { show: false } },
      },
      dataZoom: [
        // Only with Ctrl, so that the wheel goes on scrolling the page.
        { type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: false, preventDefaultMouseMove: false },
        {
          type: "slider",
          height: 26,
          bottom: 12,
          showDataShadow: false,
          brushSelect: false,
          borderColor: "var(--line)",
          backgroundColor: "var(--page)",
          fillerColor: "var(--zoom)",
          handleStyle: { color: "var(--surface)", borderColor: "var(--muted)" },
          moveHandleStyle: { color: "var(--line)" },
          emphasis: { handleStyle: { borderColor: "var(--accent)" }, moveHandleStyle: { color: "var(--muted)" } },
          textStyle: { color: "var(--muted)" },
          showDetail: !narrow,
          labelFormatter: (value) => new Date(value).toISOString().slice(0, 10),
        },
      ],
    };
  }

  // ---- controls

  /** The lowest free slot, so that up to eight lines always differ in colour. */
  function freeSlot() {
    const taken = new Set(shown.values());
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    return slot;
  }

  function symbolChoice(series, at) {
    const choice = element("label", "symbol");
    const tick = element("input");
    tick.type = "checkbox";
    tick.checked = shown.has(at);
    const name = element("span", "", series.symbol);
    choice.append(tick, swatch(shown.get(at)), name, element("span", "unit", series.currency));
    tick.addEventListener("change", () => {
      if (tick.checked) shown.set(at, freeSlot());
      else shown.delete(at);
      choice.replaceChild(swatch(shown.get(at)), choice.children[1]);
      draw();
    });
    return choice;
  }

  function listSymbols() {
    const list = document.getElementById("symbol-list");
    list.append(...data.series.map(symbolChoice));
    const filter = document.getElementById("symbol-filter");
    filter.hidden = data.series.length < FILTER_FROM;
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      data.series.forEach((series, at) => {
        list.children[at].hidden = !series.symbol.toLowerCase().includes(wanted);
      });
    });
  }

  /** A logarithm needs prices above zero. */
  function offerLog() {
    const log = document.querySelector('input[name="scale"][value="log"]');
    log.disabled = data.series.some((series) => series.closes.split(",").some((close) => close !== "" && !(Number(close) > 0)));
  }

  function zoomTo(years) {
    const last = new Date(days[days.length - 1]);
    const from = years ? Date.UTC(last.getUTCFullYear() - years, last.getUTCMonth(), last.getUTCDate()) : days[0];
    chart.dispatchAction({ type: "dataZoom", startValue: Math.max(from, days[0]), endValue: last.getTime() });
  }

  function listen() {
    for (const choice of document.querySelectorAll('input[name="scale"]')) {
      choice.addEventListener("change", () => {
        scale = choice.value;
        draw();
      });
    }
    const spanDays = (days[days.length - 1] - days[0]) / DAY_MS;
    for (const button of document.querySelectorAll("#ranges button")) {
      const years = Number(button.dataset.years);
      button.hidden = years * 365 > spanDays;
      button.addEventListener("click", () => zoomTo(years));
    }
    const fit = (size) => {
      chart.resize(size);
      chart.setOption(frame());
    };
    new ResizeObserver(() => fit()).observe(box);
    window.addEventListener("beforeprint", () => fit({ width: 680 }));
    window.addEventListener("afterprint", () => fit({ width: "auto" }));
  }

  data.series.slice(0, FIRST_SHOWN).forEach((_, at) => shown.set(at, at));
  listSymbols();
  offerLog();
  draw({
    useUTC: true,
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    tooltip: { trigger: "axis", confine: true, formatter: tooltip, className: "tip-box" },
    ...frame(),
  });
  listen();
  document.getElementById("closes-controls").hidden = false;
})();
