export function Missing() {
  return <div class="pad"><h1>There is no such page.</h1><p><a href="/">Live</a> shows what the market does now.</p></div>;
}
