// @ts-check

/**
 * A small plot of the last minutes, drawn by uPlot.
 *
 * @module
 */

import uPlot from "uplot";
import { html, useEffect, useRef } from "./preact.js";

const HEIGHT_PX = 52;

/**
 * @param {{ values: readonly number[], length: number, label: string }} props The newest value last; there is room for `length` of them.
 */
export function Plot({ values, length, label }) {
  /** @type {{ current: HTMLElement | null }} */
  const place = useRef(null);
  /** @type {{ current: uPlot | undefined }} */
  const plot = useRef(undefined);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const drawn = new uPlot(optionsFor(element), dataOf(values, length), element);
    plot.current = drawn;
    const observer = new ResizeObserver(() =>
      drawn.setSize({ width: element.clientWidth, height: HEIGHT_PX })
    );
    observer.observe(element);
    // its colours come from the style sheet
    const scheme = matchMedia("(prefers-color-scheme: dark)"), redraw = () => drawn.redraw();
    scheme.addEventListener("change", redraw);
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", redraw);
      drawn.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(dataOf(values, length)), [values]);
  return html`<div class="plot" ref=${place} role="img" aria-label=${label} />`;
}

/**
 * @param {HTMLElement} element
 * @returns {import("uplot").Options}
 */
function optionsFor(element) {
  const color = () => getComputedStyle(element).getPropertyValue("--accent");
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    padding: [4, 0, 2, 0],
    cursor: { show: false },
    legend: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(max || 0, 1e-9) * 1.05] } },
    series: [{}, {
      stroke: color,
      fill: () => `color-mix(in srgb, ${color()} 12%, transparent)`,
      width: 1.5,
      points: { show: false },
    }],
  };
}

/**
 * @param {readonly number[]} values
 * @param {number} length
 * @returns {import("uplot").AlignedData}
 */
function dataOf(values, length) {
  const places = Array.from({ length }, (_, i) => i);
  const shown = values.slice(-length).map((value) => Number.isFinite(value) ? value : null);
  return [places, [...Array(length - shown.length).fill(null), ...shown]];
}
