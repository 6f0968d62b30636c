import { type Column, goalOf, type Row } from './results';

const WIDTH = 860;
const LABEL_WIDTH = 330;
const BAR_HEIGHT = 14;
const GAP = 12;
const TOP = 64;
/** Longer bars are cut off there, with their number beside them. */
const LONGEST = 2;
const COLOURS = ['#2f6f9f', '#7fb069', '#d08c60', '#8c6bb1'];
const INK = '#333333';

/** One line of the picture: for each contestant the cost beside the plugin's, and the cost that is its goal. */
interface Line {
  readonly label: string;
  readonly bars: readonly { readonly cost: number; readonly goal: number | undefined }[];
}

/**
 * An SVG picture of what crisp takes beside containerd's own CRI, which is 1: shorter is better. A rate is drawn as the
 * time for the same amount. A mark stands where the goal is. Metrics without a goal beside the plugin are left out.
 * `release` is the containerd whose plugin it is, as it names itself.
 */
export function ratioChart(rows: readonly Row[], columns: readonly Column[], release: string): string {
  const [base, ...others] = columns;
  const lines = rows.map((row) => lineOf(row, others)).filter((line) => line.bars.some(({ cost }) => cost > 0));
  const rowHeight = others.length * BAR_HEIGHT + GAP;
  const height = TOP + lines.length * rowHeight + 12;
  const unit = (WIDTH - LABEL_WIDTH - 60) / LONGEST;
  const parts = [
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(
      12,
      22,
      `What crisp takes beside ${base?.name === 'plugin' ? `the CRI of containerd ${release}` : base?.name} (= 1); shorter is better`,
      15,
    ),
    ...others.flatMap(({ name }, i) => [
      `<rect x="${LABEL_WIDTH + i * 150}" y="34" width="12" height="12" fill="${colour(i)}"/>`,
      text(LABEL_WIDTH + i * 150 + 18, 44, name, 12),
    ]),
    text(LABEL_WIDTH + others.length * 150, 44, '| goal', 12),
    ...lines.flatMap((line, at) => drawLine(line, TOP + at * rowHeight, unit)),
    `<line x1="${LABEL_WIDTH + unit}" y1="${TOP - 8}" x2="${LABEL_WIDTH + unit}" y2="${height - 8}" stroke="${INK}" stroke-dasharray="4 3"/>`,
  ];
  const size = `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif">\n${parts.join('\n')}\n</svg>\n`;
}

function lineOf({ metric, values }: Row, others: readonly Column[]): Line {
  const bars = values.slice(1).map(({ ratio }, i) => {
    const goal = goalOf(metric, others[i]?.mode ?? 'usual');
    if (goal?.kind !== 'ratio' || ratio === undefined || Number.isNaN(ratio)) return { cost: 0, goal: undefined };
    const cost = (of: number): number => (goal.bound === 'least' ? 1 / of : of);
    return { cost: cost(ratio), goal: cost(goal.value) };
  });
  return { label: metric.label.replaceAll('`', ''), bars };
}

function drawLine({ label, bars }: Line, top: number, unit: number): string[] {
  const middle = top + (bars.length * BAR_HEIGHT) / 2 + 4;
  return [
    text(LABEL_WIDTH - 10, middle, label, 12, 'end'),
    ...bars.flatMap(({ cost, goal }, i) => {
      const y = top + i * BAR_HEIGHT;
      const length = Math.min(cost, LONGEST) * unit;
      const mark = LABEL_WIDTH + Math.min(goal ?? 0, LONGEST) * unit;
      return [
        `<rect x="${LABEL_WIDTH}" y="${y + 1}" width="${length.toFixed(1)}" height="${BAR_HEIGHT - 2}" fill="${colour(i)}"/>`,
        text(LABEL_WIDTH + length + 5, y + BAR_HEIGHT - 3, cost > 0 ? cost.toFixed(2) : '', 11),
        ...(goal === undefined
          ? []
          : [
              `<line x1="${mark.toFixed(1)}" y1="${y}" x2="${mark.toFixed(1)}" y2="${y + BAR_HEIGHT}" stroke="#c0392b" stroke-width="2"/>`,
            ]),
      ];
    }),
  ];
}

function text(x: number, y: number, words: string, size: number, anchor = 'start'): string {
  const escaped = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" fill="${INK}" text-anchor="${anchor}">${escaped}</text>`;
}

const colour = (at: number): string => COLOURS[at % COLOURS.length] ?? INK;
