// The last hour's closes in a line, no axes: which way, and how smoothly.

const WIDTH = 96;
const HEIGHT = 26;

export function Spark({ closes }: { closes: number[] }) {
  if (closes.length < 2) return <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" />;
  const rises = (closes.at(-1) ?? 0) >= (closes[0] ?? 0);
  const low = Math.min(...closes);
  const span = Math.max(...closes) - low || 1;
  const points = closes.map((close, place) => {
    const x = (place / (closes.length - 1)) * WIDTH;
    const y = HEIGHT - 2 - ((close - low) / span) * (HEIGHT - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg class={`spark ${rises ? "good" : "bad"}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points.join(" ")} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
