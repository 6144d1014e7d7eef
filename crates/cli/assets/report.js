// Draws the charts. Everything shown comes from the JSON in #report-data (see src/report/chart.rs for its shape)
// and reaches the page as text nodes, never as markup.
(function () {
  "use strict";

  const FIRST_SHOWN = 8;
  const COLOURS = 8; // --series-1 to --series-8 in report.css
  const DASHES = ["solid", "dashed", "dotted"];
  const FILTER_FROM = 13; // symbols from which a search box helps
  const DAY_MS = 86400000;
  const DAYS_AT_MOST = 280; // candles of a day, up to so many of them
  const WEEKS_AT_MOST = 1400; // candles of a week, up to so many days
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  const data = JSON.parse(document.getElementById("report-data").textContent);
  const days = data.calendar.map((iso) => Date.parse(iso));
  const byId = (id) => document.getElementById(id);
  let adjusted = false;

  byId("echarts-version").textContent = echarts.version;

  // ---- data

  const cached = (make) => {
    const made = new Map();
    return (at) => {
      if (!made.has(at)) made.set(at, make(at));
      return made.get(at);
    };
  };

  /** Closes of a series as text, by place in the calendar from its `start`; an empty string is a day without. */
  const closesOf = cached((at) => data.series[at].closes.split(","));

  /** The factors of each place of the calendar from `start`: of prices and of volumes; nothing where there is none. */
  function factorsFrom(at, start, count) {
    const periods = data.series[at].factors;
    const found = [];
    let next = 0;
    for (let place = start; place < start + count; place += 1) {
      const day = data.calendar[place];
      while (next < periods.length && periods[next][1] !== null && periods[next][1] < day) next += 1;
      const period = periods[next];
      found.push(period && period[0] <= day ? { price: Number(period[2]), volume: Number(period[3]) } : undefined);
    }
    return found;
  }

  const closeFactorsOf = cached((at) => factorsFrom(at, data.series[at].start, closesOf(at).length));
  const canBeAdjusted = (at) => data.series[at].factors.length > 0;

  /** The close to draw at a place from the series' start. */
  function closeAt(at, n) {
    const close = closesOf(at)[n];
    if (close === undefined || close === "") return undefined;
    if (!adjusted) return Number(close);
    const factor = closeFactorsOf(at)[n];
    return factor && Number(close) * factor.price;
  }

  function pointsOf(at) {
    const start = data.series[at].start;
    const points = [];
    for (let n = 0; n < closesOf(at).length; n += 1) {
      const close = closeAt(at, n);
      if (close !== undefined && Number.isFinite(days[start + n])) points.push([days[start + n], close]);
    }
    return points;
  }

  /** What the prices of a series are, as they are drawn. */
  const pricesAre = (at) => (adjusted ? "adjusted for splits and dividends" : data.series[at].prices);

  /** A drawn price: as it came, or six digits of an adjusted one. */
  const shownPrice = (value) => value.toLocaleString("en-US", { maximumSignificantDigits: 6 });

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

  const isoDay = (time) => new Date(time).toISOString().slice(0, 10);

  /** So many years before a time; half a year is six months. */
  function yearsBefore(time, years) {
    const at = new Date(time);
    return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - years * 12, at.getUTCDate());
  }

  // ---- look: colours are CSS variables, so that light, dark and print follow the style sheet

  const colourOf = (slot) => `var(--series-${(slot % COLOURS) + 1})`;
  const dashOf = (slot) => DASHES[Math.floor(slot / COLOURS) % DASHES.length];

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

  const baseOption = () => ({
    useUTC: true,
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
  });

  const axisLook = {
    axisLine: { lineStyle: { color: "var(--line)" } },
    axisTick: { lineStyle: { color: "var(--line)" } },
    axisLabel: { color: "var(--muted)", hideOverlap: true },
    splitLine: { show: false },
  };

  /** A chart in its box, drawn again where the box changes its size. */
  function chartIn(box, redraw) {
    const chart = echarts.init(box, null, { renderer: "svg" });
    box.firstElementChild.setAttribute("aria-hidden", "true"); // the box itself has the label
    const fit = (size) => {
      chart.resize(size);
      redraw();
    };
    new ResizeObserver(() => fit()).observe(box);
    window.addEventListener("beforeprint", () => fit({ width: 680 }));
    window.addEventListener("afterprint", () => fit({ width: "auto" }));
    return chart;
  }

  /** Marks the one button of a row that is chosen; none where none is. */
  function press(buttons, chosen) {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button === chosen));
  }

  // ---- the chart of closes

  function closesChart() {
    const box = byId("closes-chart");
    const shown = new Map(); // index of a series -> its slot, which decides its colour and dash
    const buttons = [...document.querySelectorAll("#ranges button")];
    let scale = "value";
    let zoom = null; // the seen times, first and last; null is all
    const isNarrow = () => box.clientWidth < 600;
    const drawn = () => [...shown].filter(([at]) => !adjusted || canBeAdjusted(at));

    data.series.slice(0, FIRST_SHOWN).forEach((_, at) => shown.set(at, at));
    let isReady = false;
    const chart = chartIn(box, () => isReady && draw());

    /** First and last day of what is drawn. */
    function extent() {
      const of = drawn().map(([at]) => at).filter((at) => data.series[at].closes !== "");
      if (of.length === 0) return [days[0], days[days.length - 1]];
      const first = Math.min(...of.map((at) => data.series[at].start));
      const last = Math.max(...of.map((at) => data.series[at].start + closesOf(at).length - 1));
      return [days[first], days[last]];
    }

    function tooltip(hits) {
      const place = nearestPlace(hits[0].axisValue);
      const made = element("div", "tip");
      made.append(element("div", "tip-date", data.calendar[place]));
      for (const [at, slot] of drawn()) {
        const series = data.series[at];
        const n = place - series.start;
        const close = closeAt(at, n);
        if (close === undefined) continue;
        const split = series.splits.find((of) => of.date === data.calendar[place]);
        const row = element("div", "tip-row");
        row.append(swatch(slot), element("span", "", series.symbol + (split ? ` (split ${split.ratio})` : "")));
        row.append(element("b", "", adjusted ? shownPrice(close) : closesOf(at)[n]));
        row.append(element("span", "unit", series.currency));
        made.append(row);
      }
      return made;
    }

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
      };
    }

    /** Each split of prices as traded, at the upper end of the jump that it makes in the line. */
    function splitMarks(at) {
      const series = data.series[at];
      if (adjusted || series.adjustment !== "raw" || series.splits.length === 0) return [];
      const points = pointsOf(at);
      return series.splits.flatMap((split) => {
        const exDate = Date.parse(split.date);
        const after = points.findIndex(([day]) => day >= exDate);
        // Before the first bar and behind the last one there is no jump to mark.
        if (after < 1) return [];
        const close = Math.max(points[after][1], points[after - 1][1]);
        return [{ at, coord: [points[after][0], close], value: split.ratio }];
      });
    }

    /** The marks that are seen, each label above those that it would cover. */
    function drawMarks() {
      const marks = drawn().flatMap(([at]) => splitMarks(at));
      const [from, to] = zoom ?? extent();
      const taken = [];
      const seen = marks
        .filter(({ coord }) => coord[0] >= from && coord[0] <= to)
        .map((mark) => ({ ...mark, pixel: chart.convertToPixel({ gridIndex: 0 }, mark.coord) ?? [0, 0] }))
        .sort((a, b) => a.pixel[0] - b.pixel[0]);
      for (const mark of seen) {
        const half = 5 + 3.5 * mark.value.length;
        const [x, y] = mark.pixel;
        const covers = (lift) =>
          taken.some((of) => Math.abs(of.x - x) < of.half + half && Math.abs(of.y - (y - lift)) < 14);
        let lift = 0;
        while (covers(lift)) lift += 14;
        taken.push({ x, y: y - lift, half });
        mark.label = { offset: [0, -lift] };
      }
      chart.setOption({ series: drawn().map(([at, slot]) => ({ id: String(at), markPoint: markPoint(at, slot, seen) })) });
    }

    function markPoint(at, slot, seen) {
      return {
        silent: true,
        symbol: "triangle",
        symbolSize: 9,
        symbolRotate: 180,
        symbolOffset: [0, "-70%"],
        itemStyle: { color: colourOf(slot), borderColor: "var(--surface)", borderWidth: 1 },
        label: { show: true, position: "top", distance: 3, color: "var(--ink)", fontSize: 12 },
        data: seen.filter((mark) => mark.at === at).map(({ coord, value, label }) => ({ coord, value, label })),
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

    const roundDown = (value) => [...logMarks()].reverse().find((mark) => mark <= value) ?? value;
    const roundUp = (value) => logMarks().find((mark) => mark >= value) ?? value;

    function currencyShown() {
      const currencies = new Set(drawn().map(([at]) => data.series[at].currency));
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
        min: scale === "log" ? (of) => roundDown(of.min) : undefined,
        max: scale === "log" ? (of) => roundUp(of.max) : undefined,
        axisLine: { show: false },
        axisTick: { show: false, customValues: marks },
        axisLabel: {
          color: "var(--muted)",
          customValues: marks,
          hideOverlap: true,
          formatter: shownPrice,
        },
        splitLine: { lineStyle: { color: "var(--line)" } },
      };
    }

    function label() {
      const names = drawn().map(([at]) => {
        const { symbol, provider, currency } = data.series[at];
        return `${symbol} (${provider}, ${pricesAre(at)}, ${currency})`;
      });
      const what = names.length ? names.join(", ") : "no symbol; choose one above";
      const [first, last] = extent();
      return (
        `Line chart of daily closes, ${isoDay(first)} to ${isoDay(last)}, ` +
        `${scale === "log" ? "logarithmic" : "linear"} scale, of ${what}. ` +
        "The table of monthly averages gives prices as provided as text."
      );
    }

    function frame() {
      const narrow = isNarrow();
      const [first, last] = extent();
      const [from, to] = zoom ?? [first, last];
      const seen = { startValue: from, endValue: to };
      return {
        grid: { left: narrow ? 44 : 56, right: narrow ? 14 : 20, top: 34, bottom: 78, containLabel: false },
        xAxis: {
          type: "time",
          min: first,
          max: last,
          ...axisLook,
          splitNumber: narrow ? 4 : 10,
          axisPointer: { lineStyle: { color: "var(--muted)" }, label: { show: false } },
        },
        dataZoom: [
          // Only with Ctrl, so that the wheel goes on scrolling the page.
          { type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: false, preventDefaultMouseMove: false, ...seen },
          {
            type: "slider",
            height: 26,
            bottom: 12,
            left: narrow ? 44 : 56,
            right: narrow ? 14 : 20,
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
            labelFormatter: isoDay,
            ...seen,
          },
        ],
      };
    }

    function draw() {
      chart.setOption(
        { ...frame(), yAxis: yAxis(), series: drawn().map(([at, slot]) => seriesOption(at, slot)) },
        { replaceMerge: ["series", "yAxis"] },
      );
      drawMarks();
      box.setAttribute("aria-label", label());
      const without = [...shown.keys()].filter((at) => adjusted && !canBeAdjusted(at));
      const note = byId("closes-note");
      note.hidden = without.length === 0;
      note.textContent = `Without factors, and not drawn: ${without.map((at) => data.series[at].symbol).join(", ")}.`;
      showRange();
    }

    // -- controls

    /** The lowest free slot, so that up to eight lines always differ in colour. */
    function freeSlot() {
      const taken = new Set(shown.values());
      let slot = 0;
      while (taken.has(slot)) slot += 1;
      return slot;
    }

    /** What is drawn beside a symbol's name. */
    const unitOf = (at) => {
      const { provider, prices, currency } = data.series[at];
      return `${provider}, ${!adjusted ? prices : canBeAdjusted(at) ? "adjusted" : "not drawn: no factors"}, ${currency}`;
    };

    function symbolChoice(series, at) {
      const choice = element("label", "symbol");
      const tick = element("input");
      tick.type = "checkbox";
      tick.checked = shown.has(at);
      const unit = element("span", "unit", unitOf(at));
      choice.append(tick, swatch(shown.get(at)), element("span", "", series.symbol), unit);
      tick.addEventListener("change", () => {
        if (tick.checked) shown.set(at, freeSlot());
        else shown.delete(at);
        choice.replaceChild(swatch(shown.get(at)), choice.children[1]);
        keepZoom();
        draw();
      });
      return choice;
    }

    function listSymbols() {
      const list = byId("symbol-list");
      list.append(...data.series.map(symbolChoice));
      const filter = byId("symbol-filter");
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
      log.disabled = data.series.some((series) =>
        series.closes.split(",").some((close) => close !== "" && !(Number(close) > 0)),
      );
    }

    /** The seen range inside what is drawn; all where nothing of it is left. */
    function keepZoom() {
      if (!zoom) return;
      const [first, last] = extent();
      zoom = [Math.max(zoom[0], first), Math.min(zoom[1], last)];
      if (!(zoom[0] < zoom[1])) zoom = null;
    }

    /** The seen range of a button: none where it is longer than what is drawn. */
    function rangeOf(button) {
      const [first, last] = extent();
      const years = Number(button.dataset.years);
      return [years ? Math.max(yearsBefore(last, years), first) : first, last];
    }

    function showRange() {
      const [first, last] = extent();
      const [from, to] = zoom ?? [first, last];
      const near = (a, b) => Math.abs(a - b) <= 4 * DAY_MS;
      const spanDays = (last - first) / DAY_MS;
      for (const button of buttons) button.hidden = Number(button.dataset.years) * 365 > spanDays;
      // Of several that fit, the longest: all there is.
      const fits = (button) => !button.hidden && near(rangeOf(button)[0], from) && near(rangeOf(button)[1], to);
      press(buttons, [...buttons].reverse().find(fits));
    }

    for (const choice of document.querySelectorAll('input[name="scale"]')) {
      choice.addEventListener("change", () => {
        scale = choice.value;
        draw();
      });
    }
    for (const button of buttons) {
      button.addEventListener("click", () => {
        zoom = button.dataset.years ? rangeOf(button) : null;
        draw();
      });
    }
    chart.on("datazoom", () => {
      const { startValue, endValue } = chart.getOption().dataZoom[0];
      zoom = [startValue, endValue];
      showRange();
      requestAnimationFrame(drawMarks);
    });

    listSymbols();
    offerLog();
    chart.setOption({
      ...baseOption(),
      tooltip: { trigger: "axis", confine: true, formatter: tooltip, className: "tip-box" },
      ...frame(),
      yAxis: yAxis(),
    });
    isReady = true;
    draw();
    byId("closes-controls").hidden = false;
    return {
      redraw: () => {
        byId("as-provided").hidden = adjusted;
        byId("as-adjusted").hidden = !adjusted;
        [...byId("symbol-list").children].forEach((choice, at) => {
          choice.lastElementChild.textContent = unitOf(at);
        });
        keepZoom();
        draw();
      },
    };
  }

  // ---- one symbol: candles with volume, returns by month

  function symbolChart() {
    const box = byId("candles-chart");
    const choice = byId("symbol-choice");
    const buttons = [...document.querySelectorAll("#candle-ranges button")];
    let years = 1;
    let isReady = false;
    const chart = chartIn(box, () => isReady && draw());
    const isNarrow = () => box.clientWidth < 600;

    /** The whole bars of a series: open, close, low, high and volume of each day that has all prices. */
    const barsOf = (at) => {
      const series = data.series[at];
      const { start } = series.candles;
      const column = (name) => series.candles[name].split(",");
      const [open, high, low, volume] = ["open", "high", "low", "volume"].map(column);
      const count = Math.max(0, series.start + closesOf(at).length - start);
      const factors = adjusted ? factorsFrom(at, start, count) : [];
      const bars = [];
      for (let n = 0; n < count; n += 1) {
        const close = closesOf(at)[start + n - series.start];
        const factor = adjusted ? factors[n] : { price: 1, volume: 1 };
        if (!close || !open[n] || !high[n] || !low[n] || !factor) continue;
        const price = (text) => Number(text) * factor.price;
        bars.push({
          day: data.calendar[start + n],
          open: price(open[n]),
          close: price(close),
          low: price(low[n]),
          high: price(high[n]),
          volume: volume[n] ? Number(volume[n]) * factor.volume : undefined,
        });
      }
      return bars;
    };

    /** Bars put together: by week, from its Monday, or by month; labelled by their first session. */
    function together(bars, unit) {
      if (unit === "daily") return bars;
      const keyOf = (day) => {
        if (unit === "monthly") return day.slice(0, 7);
        const time = Date.parse(day);
        return isoDay(time - ((new Date(time).getUTCDay() + 6) % 7) * DAY_MS);
      };
      const made = [];
      let key;
      for (const bar of bars) {
        const last = made[made.length - 1];
        if (last && keyOf(bar.day) === key) {
          last.close = bar.close;
          last.low = Math.min(last.low, bar.low);
          last.high = Math.max(last.high, bar.high);
          if (bar.volume !== undefined) last.volume = (last.volume ?? 0) + bar.volume;
        } else {
          key = keyOf(bar.day);
          made.push({ ...bar });
        }
      }
      return made;
    }

    function seenBars(bars, years) {
      if (!years || bars.length === 0) return bars;
      const from = yearsBefore(Date.parse(bars[bars.length - 1].day), years);
      return bars.filter((bar) => Date.parse(bar.day) > from);
    }

    function tooltip(made) {
      return (hits) => {
        const bar = made[hits[0].dataIndex];
        const tip = element("div", "tip");
        tip.append(element("div", "tip-date", bar.day));
        for (const name of ["open", "high", "low", "close", "volume"]) {
          if (bar[name] === undefined) continue;
          const row = element("div", "tip-pair");
          const value = name === "volume" ? Math.round(bar.volume).toLocaleString("en-US") : shownPrice(bar[name]);
          row.append(element("span", "", name), element("b", "", value));
          tip.append(row);
        }
        return tip;
      };
    }

    function option(made, currency) {
      const narrow = isNarrow();
      const [left, right] = [narrow ? 48 : 60, narrow ? 8 : 16];
      const up = (bar) => bar.close >= bar.open;
      const axis = (gridIndex, isShown) => ({
        type: "category",
        gridIndex,
        data: made.map((bar) => bar.day),
        ...axisLook,
        axisLabel: { ...axisLook.axisLabel, show: isShown },
      });
      const price = { axisLine: { show: false }, axisTick: { show: false }, splitLine: { lineStyle: { color: "var(--line)" } } };
      const compact = (value) => value.toLocaleString("en-US", { notation: "compact" });
      return {
        ...baseOption(),
        tooltip: { trigger: "axis", confine: true, formatter: tooltip(made), className: "tip-box" },
        axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: "var(--muted)" }, label: { show: false } },
        grid: [
          { left, right, top: 30, bottom: 128 },
          { left, right, height: 74, bottom: 26 },
        ],
        xAxis: [axis(0, false), axis(1, true)],
        yAxis: [
          {
            ...price,
            scale: true,
            name: currency,
            nameTextStyle: { color: "var(--muted)", align: "left", padding: [0, 0, 0, -left + 8] },
            axisLabel: { color: "var(--muted)", hideOverlap: true, formatter: shownPrice },
          },
          {
            ...price,
            gridIndex: 1,
            splitNumber: 2,
            name: "Volume",
            nameTextStyle: { color: "var(--muted)", align: "left", padding: [0, 0, -4, -left + 8] },
            axisLabel: { color: "var(--muted)", hideOverlap: true, formatter: compact },
          },
        ],
        series: [
          {
            type: "candlestick",
            progressive: 0,
            data: made.map((bar) => [bar.open, bar.close, bar.low, bar.high]),
            itemStyle: { color: "var(--up)", color0: "var(--down)", borderColor: "var(--up)", borderColor0: "var(--down)" },
            emphasis: { disabled: true },
          },
          {
            type: "bar",
            xAxisIndex: 1,
            yAxisIndex: 1,
            data: made.map((bar) => ({
              value: bar.volume ?? "-",
              itemStyle: { color: up(bar) ? "var(--up)" : "var(--down)", opacity: 0.6 },
            })),
            emphasis: { disabled: true },
          },
        ],
      };
    }

    function draw() {
      const at = Number(choice.value);
      const series = data.series[at];
      const isLacking = adjusted && !canBeAdjusted(at);
      const bars = isLacking ? [] : barsOf(at);
      const spanDays = bars.length ? (Date.parse(bars[bars.length - 1].day) - Date.parse(bars[0].day)) / DAY_MS : 0;
      for (const button of buttons) button.hidden = Number(button.dataset.years) * 365 > spanDays;
      // A shorter history is shown whole; what was chosen holds for the next symbol.
      const shown = years * 365 > spanDays ? 0 : years;
      press(buttons, buttons.find((button) => Number(button.dataset.years) === shown));
      const seen = seenBars(bars, shown);
      const unit = seen.length <= DAYS_AT_MOST ? "daily" : seen.length <= WEEKS_AT_MOST ? "weekly" : "monthly";
      const made = together(seen, unit);
      const named = `${series.symbol}, ${series.provider}, ${pricesAre(at)}, ${series.currency}`;
      const range = made.length ? `: ${unit} candles, ${seen[0].day} to ${seen[seen.length - 1].day}.` : "";
      const why = isLacking ? ": no factors, so there are no adjusted prices." : ": no bar has open, high, low and close.";
      byId("candles-note").textContent = named + (range || why);
      box.hidden = made.length === 0;
      box.setAttribute("aria-label", `Candles with volume of ${named}${range || why}`);
      if (made.length) {
        chart.resize();
        chart.setOption(option(made, series.currency), { notMerge: true });
      }
      drawReturns(at);
    }

    function cell(value) {
      const made = element("td", "heat");
      if (value === undefined) return made;
      made.textContent = value.toFixed(1);
      made.classList.add(value < 0 ? "down" : "up");
      made.style.setProperty("--heat", `${Math.round(Math.min(Math.abs(value) / 20, 1) * 70)}%`);
      return made;
    }

    function drawReturns(at) {
      const series = data.series[at];
      const basis = canBeAdjusted(at)
        ? "closes adjusted for splits and dividends"
        : `closes ${series.prices}; there are no factors to adjust them`;
      byId("returns-note").textContent = series.months.length
        ? `${series.symbol}, ${series.provider}: percent, from the last close of the month before, on ${basis}. Newest year first.`
        : `${series.symbol} has no two months with closes one after the other.`;
      const months = new Map(series.months);
      const years = new Map(series.years);
      const of = [...new Set(series.months.map(([month]) => month.slice(0, 4)))].sort().reverse();
      const table = element("table");
      const head = table.createTHead().insertRow();
      for (const name of ["Year", ...MONTHS, "Total"]) {
        const made = element("th", name === "Year" ? "" : "n", name);
        made.scope = "col";
        head.append(made);
      }
      const body = table.createTBody();
      for (const year of of) {
        const row = body.insertRow();
        const name = element("th", "", year);
        name.scope = "row";
        row.append(name);
        MONTHS.forEach((_, at) => row.append(cell(months.get(`${year}-${String(at + 1).padStart(2, "0")}`))));
        const whole = cell(years.get(year));
        whole.classList.add("whole");
        row.append(whole);
      }
      const place = byId("returns");
      place.hidden = of.length === 0;
      place.replaceChildren(table);
    }

    data.series.forEach((series, at) => {
      const made = element("option", "", `${series.symbol} (${series.provider})`);
      made.value = String(at);
      choice.append(made);
    });
    choice.addEventListener("change", draw);
    for (const button of buttons) {
      button.addEventListener("click", () => {
        years = Number(button.dataset.years);
        draw();
      });
    }
    isReady = true;
    draw();
    byId("symbol-controls").hidden = false;
    return { redraw: draw };
  }

  const charts = [closesChart(), symbolChart()];
  for (const choice of document.querySelectorAll('input[name="prices"]')) {
    choice.addEventListener("change", () => {
      adjusted = choice.value === "adjusted";
      for (const chart of charts) chart.redraw();
    });
  }
})();
