export function ChartPage() { return <p class="pad">Soon.</p>; }
