"use strict";
// Filter, search, fold, charts to point at: the page is whole without this script.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = document.documentElement;

  // Light or dark: as the reader's system has it, until the switch is used.

  const redraws = [];
  const redraw = () => redraws.forEach((draw) => draw());
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const scheme = document.querySelector("#scheme");
  const isDark = () => (root.style.colorScheme ? root.style.colorScheme === "dark" : dark.matches);
  const name = () => { scheme.textContent = isDark() ? "Light" : "Dark"; };
  scheme.addEventListener("click", () => {
    root.style.colorScheme = isDark() ? "light" : "dark";
    name();
    redraw();
  });
  dark.addEventListener("change", () => { name(); redraw(); });
  scheme.hidden = false;
  name();

  // Whatever a link leads to is unfolded.

  const reveal = (target) => {
    for (let box = target; box; box = box.parentElement) {
      if (box.tagName === "DETAILS") box.open = true;
      box.hidden = false;
    }
  };
  const follow = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    reveal(target);
    target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();

  // Printed are causes with their first check, topics and bodies; the rest stays as it is.

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all(":is(.cause, .topic, .body):not([open])");
    folded.forEach((box) => { box.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((box) => { box.open = false; }));

  if (navigator.clipboard) {
    all(".curl").forEach((box) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", () => {
        navigator.clipboard.writeText(box.querySelector("code").textContent).then(
          () => { button.textContent = "Copied"; },
          () => { button.textContent = "Not allowed"; },
        );
      });
      box.append(button);
    });
  }

  // Charts: the same numbers as in the picture, its words, and a pointer that reads them.

  const HEIGHT = 204;
  const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];
  const elapsed = (seconds) => {
    if (seconds < 60) return `${+seconds.toFixed(1)} s`;
    const rest = Math.round(seconds % 60);
    return `${Math.floor(seconds / 60)} min${rest ? ` ${rest} s` : ""}`;
  };

  const plot = (figure) => {
    const numbers = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    const picture = figure.querySelector(".plot");
    const box = figure.querySelector(".drawn");
    const texts = (selector) => all(selector, picture).map((node) => node.textContent);
    const [across, down, promises, names, bands] = ["across", "down", "promise", "named", "band"]
      .map((kind) => texts(`text.${kind}`));
    const rows = all(".numbers tbody tr", figure).map((row) => all("th, td", row).map((cell) => cell.textContent));
    const now = all(".now", figure);
    const last = now.map((node) => node.textContent);
    const where = figure.querySelector(".where");
    const timed = "timed" in figure.dataset;
    const bars = figure.dataset.shape === "bars";
    const colour = (selector, property) => getComputedStyle(picture.querySelector(selector) ?? figure)[property];
    const pens = all(".swatch .line", figure);

    const ground = (chart) => {
      const { ctx, bbox } = chart;
      numbers.begins.forEach((begin, index) => {
        const [from, to] = [begin, numbers.ends[index]].map((x) => chart.valToPos(x, "x", true));
        const [left, right] = [Math.max(from, bbox.left), Math.min(to, bbox.left + bbox.width)];
        if (right <= left) return;
        ctx.save();
        ctx.globalAlpha = 0.06;
        ctx.fillStyle = colour("text.down", "fill");
        ctx.fillRect(left, bbox.top, right - left, bbox.height);
        ctx.globalAlpha = 1;
        ctx.font = `${12 * devicePixelRatio}px ${getComputedStyle(figure).fontFamily}`;
        ctx.textAlign = "left";
        ctx.textBaseline = "alphabetic";
        ctx.fillText(bands[index], left + 4 * devicePixelRatio, bbox.top + 14 * devicePixelRatio);
        ctx.restore();
      });
    };
    const rule = (chart, from, to, pen, dash, text, at, align) => {
      const { ctx } = chart;
      const ratio = devicePixelRatio;
      ctx.save();
      ctx.strokeStyle = pen;
      ctx.fillStyle = pen;
      ctx.lineWidth = 1.5 * ratio;
      ctx.setLineDash(dash.map((part) => part * ratio));
      ctx.beginPath();
      ctx.moveTo(...from);
      ctx.lineTo(...to);
      ctx.stroke();
      ctx.font = `${12 * ratio}px ${getComputedStyle(figure).fontFamily}`;
      ctx.textAlign = align;
      ctx.textBaseline = "alphabetic";
      ctx.lineJoin = "round";
      ctx.setLineDash([]);
      ctx.lineWidth = 4 * ratio;
      ctx.strokeStyle = getComputedStyle(document.body).backgroundColor;
      ctx.strokeText(text, ...at);
      ctx.fillText(text, ...at);
      ctx.restore();
    };
    const lines = (chart) => {
      const { left, top, width, height } = chart.bbox;
      const ratio = devicePixelRatio;
      numbers.targets.forEach((target, index) => {
        const y = chart.valToPos(target, "y", true);
        rule(chart, [left, y], [left + width, y], colour("text.promise", "fill"), [2, 4],
          promises[index], [left + width, y + numbers.shifts[index] * ratio], "right");
      });
      numbers.marks.forEach((mark, index) => {
        const x = chart.valToPos(mark, "x", true);
        if (x < left || x > left + width) return;
        const after = numbers.sides[index] === "start";
        rule(chart, [x, top], [x, top + height], colour("text.named", "fill"), [1, 2], names[index],
          [x + (after ? 4 : -4) * ratio, top + numbers.lifts[index] * ratio], after ? "left" : "right");
      });
    };
    const read = (chart) => {
      const { idx } = chart.cursor;
      const row = idx == null ? null : rows[idx];
      where.textContent = row ? row[0] : "";
      now.forEach((node, index) => { node.textContent = row ? row[index + 1] : last[index]; });
    };
    const axis = {
      stroke: () => colour("text.down", "fill"),
      font: `12px ${getComputedStyle(figure).fontFamily}`,
      ticks: { show: false },
      gap: 4,
    };
    const unzoomed = (chart) => chart.scales.x.min === numbers.first && chart.scales.x.max === numbers.last;

    picture.style.display = "none";
    box.hidden = false;
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", picture.getAttribute("aria-label"));
    const chart = new uPlot({
      width: box.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      padding: [8, 18, 0, 0],
      cursor: { y: false, drag: { x: timed, y: false }, points: { show: !bars } },
      scales: {
        x: { time: false, range: (_, min, max) => (min == null ? [numbers.first, numbers.last] : [min, max]) },
        y: { range: [0, numbers.top] },
      },
      axes: [
        {
          ...axis,
          size: 26,
          grid: { show: false },
          splits: (own, index, min, max, step) => {
            if (unzoomed(own)) return numbers.across;
            const found = [];
            for (let at = Math.ceil(min / step) * step; at <= max; at += step) found.push(at);
            return found;
          },
          values: (own, splits) => (unzoomed(own) ? across : splits.map(elapsed)),
        },
        {
          ...axis,
          size: 12 + 7 * Math.max(...down.map((text) => text.length)),
          grid: { stroke: () => colour(".rule", "stroke"), width: 1 },
          splits: () => numbers.down,
          values: () => down,
        },
      ],
      series: [
        {},
        ...numbers.values.map((_, index) => ({
          stroke: () => getComputedStyle(pens[index]).stroke,
          width: bars ? 0 : 2,
          dash: DASHES[index % DASHES.length],
          points: { show: false },
          ...(bars && {
            paths: uPlot.paths.bars({ size: [0.88, 80], gap: 0 }),
            fill: () => getComputedStyle(pens[index]).stroke,
            alpha: 0.7,
          }),
        })),
      ],
      hooks: { drawAxes: [ground], draw: [lines], setCursor: [read] },
    }, [numbers.x, ...numbers.values], box);
    chart.setScale("x", { min: numbers.first, max: numbers.last });
    if (timed) {
      chart.over.addEventListener("dblclick", () => chart.setScale("x", { min: numbers.first, max: numbers.last }));
    }
    redraws.push(() => chart.redraw(false, true));
    new ResizeObserver(() => {
      if (box.clientWidth) chart.setSize({ width: box.clientWidth, height: HEIGHT });
    }).observe(figure);
  };

  if (typeof uPlot !== "undefined") {
    const near = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((one) => one.isIntersecting)) {
        near.unobserve(entry.target);
        plot(entry.target);
      }
    }, { rootMargin: "400px" });
    all("figure.chart").forEach((figure) => near.observe(figure));
  }

  // Filter and search.

  const bar = document.querySelector(".toolbar");
  if (!bar) return;
  const field = bar.querySelector("#find");
  const found = bar.querySelector("#found");
  const none = document.querySelector(".none");
  const boxes = all("input[name=state]", bar);
  const [sut, level, topic] = ["sut", "level", "topic"].map((what) => bar.querySelector(`#pick-${what}`));
  const split = (text) => text.split(" ").filter(Boolean);
  const entries = all("[data-found]").map((node) => ({
    node,
    found: split(node.dataset.found).map((pair) => pair.split(":")),
    levels: split(node.dataset.levels),
    topics: split(node.dataset.topics),
    words: null,
  }));
  const words = (entry) => (entry.words ??= entry.node.textContent.toLowerCase());
  const topics = all(".topic").map((node) => ({ node, open: node.open, rows: all("tr[data-found]", node) }));

  const filter = () => {
    const states = boxes.filter((box) => box.checked).map((box) => box.value);
    const asked = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const active = Boolean(states.length || asked.length || sut.value || level.value || topic.value);
    let shown = 0;
    for (const entry of entries) {
      const fits = (!level.value || entry.levels.includes(level.value))
        && (!topic.value || entry.topics.includes(topic.value))
        && ((!sut.value && !states.length) || entry.found.some(([who, state]) => (
          (!sut.value || who === sut.value) && (!states.length || states.includes(state)))))
        && asked.every((word) => words(entry).includes(word));
      entry.node.hidden = !fits;
      if (fits) shown += 1;
    }
    for (const one of topics) {
      const left = one.rows.some((row) => !row.hidden);
      one.node.hidden = !left;
      one.node.open = active ? left : one.open;
    }
    none.hidden = topics.some((one) => !one.node.hidden);
    found.textContent = active ? `${shown} of ${entries.length}` : "";
  };

  let waiting = 0;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 80);
  });
  [...boxes, sut, level, topic].forEach((box) => box.addEventListener("change", filter));
  bar.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
  document.querySelector("#clear").addEventListener("click", () => { bar.reset(); filter(); });
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
    } else if (event.key === "Escape" && event.target === field) {
      field.value = "";
      filter();
    }
  });
  const fold = (open) => all(".cause, .topic").forEach((box) => { box.open = open; });
  bar.querySelector("#unfold").addEventListener("click", () => fold(true));
  bar.querySelector("#fold").addEventListener("click", () => fold(false));
  bar.hidden = false;
})();
