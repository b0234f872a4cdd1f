export function Operations() { return <p class="pad">Soon.</p>; }
