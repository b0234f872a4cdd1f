export function SignalPage() { return <p class="pad">Soon.</p>; }
