/** A curve: its name, and points of x and y. */
export interface Curve {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
}

const WIDTH = 640
const HEIGHT = 360
const LEFT = 70
const BOTTOM = 50
const TOP = 40
const RIGHT = 150
const COLOURS = ['#1b6ca8', '#c8553d', '#3a7d44', '#7d5ba6']

const shown = (value: number): string =>
  value >= 1000 ? value.toLocaleString('en', { maximumFractionDigits: 0 }) : String(Number(value.toPrecision(3)))

/** Curves over an x axis of logarithms, as an SVG that stands alone. */
export const plot = (title: string, x: string, y: string, curves: readonly Curve[]): string => {
  const all = curves.flatMap(({ points }) => points)
  const xs = [...new Set(all.map(([value]) => value))].sort((a, b) => a - b)
  const [low, high] = [Math.log10(xs[0] ?? 1), Math.log10(xs[xs.length - 1] ?? 10)]
  const top = 1.1 * Math.max(...all.map(([, value]) => value))
  const acrossOf = (value: number): number =>
    LEFT + ((Math.log10(value) - low) / (high - low || 1)) * (WIDTH - LEFT - RIGHT)
  const downOf = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP)
  const text = (at: readonly [number, number], anchor: string, said: string, more = ''): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}"${more}>${said}</text>`
  const parts = [
    text([LEFT, 22], 'start', title, ' font-weight="bold"'),
    text([(LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12], 'middle', x),
    text([LEFT, TOP - 4], 'end', y),
    `<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}" fill="none" stroke="#666"/>`,
    ...xs.map((value) => text([acrossOf(value), HEIGHT - BOTTOM + 18], 'middle', shown(value))),
    ...[0, 0.25, 0.5, 0.75, 1].map((share) =>
      text([LEFT - 6, downOf((share * top) / 1.1) + 4], 'end', shown((share * top) / 1.1)),
    ),
  ]
  for (const [i, { name, points }] of curves.entries()) {
    const colour = COLOURS[i % COLOURS.length]
    const path = points.map(([px, py]) => `${acrossOf(px).toFixed(1)} ${downOf(py).toFixed(1)}`).join('L')
    parts.push(`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>`)
    for (const [px, py] of points)
      parts.push(`<circle cx="${acrossOf(px).toFixed(1)}" cy="${downOf(py).toFixed(1)}" r="3" fill="${colour}"/>`)
    parts.push(text([WIDTH - RIGHT + 8, TOP + 18 * i], 'start', name, ` fill="${colour}"`))
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">\n<title>${title}</title>\n<rect width="100%" height="100%" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`
}
