// A terminal with one advisor in it: reads what happens on the market from a file, turns the advisor's timer, and ends when
// the advisor has nothing left to send.
//
//   terminal MARKET server=http://127.0.0.1:1234 token=T [symbols=A,B] [step=100] [pace_us=0] [limit_s=60] ...
//
// MARKET has lines `symbol NAME DIGITS BASE PROFIT EXPIRES`, `before NAME TIME_MSC BID ASK` for ticks that were there
// before the advisor, and `tick NAME TIME_MSC BID ASK` for those that come while it runs. What it prints: `PRINT ...` for
// each line of the advisor, and at the end `DONE seq=.. waiting=.. lost=..`.

#include "mql.hpp"

#include ADVISOR

#include <fstream>
#include <iostream>
#include <sstream>

struct Happening {
  string symbol;
  size_t visible; // of this symbol's ticks, afterwards
};

static std::vector<Happening> happenings;

static void ReadMarket(const string &path) {
  std::ifstream file(path);
  string kind, name;
  for (string line; std::getline(file, line);) {
    std::istringstream parts(line);
    parts >> kind >> name;
    SymbolOf &symbol = terminal.symbols[name];
    if (kind == "symbol") {
      parts >> symbol.digits >> symbol.base >> symbol.profit >> symbol.expires;
      if (symbol.base == "-")
        symbol.base = "";
      terminal.market_watch.push_back(name);
      continue;
    }
    MqlTick tick = {};
    parts >> tick.time_msc >> tick.bid >> tick.ask;
    tick.time = tick.time_msc / 1000;
    symbol.ticks.push_back(tick);
    if (kind == "before")
      symbol.visible = symbol.ticks.size();
    else
      happenings.push_back({name, symbol.ticks.size()});
  }
}

static std::map<string, string> ReadOptions(int count, char **texts) {
  std::map<string, string> options;
  for (int i = 0; i < count; i++) {
    string text = texts[i];
    size_t at = text.find('=');
    options[text.substr(0, at)] = text.substr(at + 1);
  }
  return options;
}

static long Number(std::map<string, string> &options, const char *name, long otherwise) {
  return options.count(name) ? std::strtol(options[name].c_str(), nullptr, 10) : otherwise;
}

static void Happen(const Happening &happening) {
  SymbolOf &symbol = terminal.symbols[happening.symbol];
  if (terminal.live) { // stamped when it happens, by the broker's clock
    MqlTick &tick = symbol.ticks[happening.visible - 1];
    tick.time_msc = RealMs() + terminal.offset_s * 1000;
    tick.time = tick.time_msc / 1000;
  }
  symbol.visible = happening.visible;
}

// Whether the advisor streams all symbols that the server wants: what happens before is not for it.
static bool IsStreaming() {
  for (int i = 0; i < watched_count; i++)
    if (watched[i].wanted && !watched[i].started)
      return false;
  return !greet;
}

static bool IsTold() {
  char byte;
  pollfd in = {0, POLLIN, 0};
  return poll(&in, 1, 0) > 0 && read(0, &byte, 1) <= 0;
}

int main(int count, char **texts) {
  std::map<string, string> options = ReadOptions(count - 2, texts + 2);
  ReadMarket(texts[1]);
  terminal.login = Number(options, "login", terminal.login);
  terminal.chart = Number(options, "chart", terminal.chart);
  terminal.forbidden = int(Number(options, "forbidden", 0));
  terminal.timeout_ms = int(Number(options, "timeout_ms", 5000));
  terminal.live = Number(options, "live", 0) != 0;
  terminal.offset_s = Number(options, "offset_s", 0);
  terminal.until = options["until"];
  long step = Number(options, "step", 100), pace = Number(options, "pace_us", 0);
  bool stay = Number(options, "stay", 0) != 0; // until standard input is closed
  long end_us = RealUs() + Number(options, "limit_s", 60) * 1000000;
  Server = options["server"];
  Token = options["token"];
  Symbols = options["symbols"];
#ifdef SOCKETS
  UseSocket = options.count("socket") > 0;
  SocketPort = int(Number(options, "socket", 0));
#endif
  if (OnInit() != INIT_SUCCEEDED)
    return 2;
  size_t next = 0;
  while (!terminal.until_seen) {
    if (RealUs() > end_us) {
      printf("LIMIT waiting=%d of %ld\n", ring_count, next_seq - 1);
      return 3;
    }
    OnTimer();
    for (long i = 0; i < step && next < happenings.size() && IsStreaming(); i++)
      Happen(happenings[next++]);
    terminal.virtual_us += terminal.timer_ms * 1000;
    if (pace > 0)
      usleep(useconds_t(pace));
    OnTick();
    bool done = next == happenings.size() && ring_count == 0 && IsStreaming();
    if (done && (!stay || IsTold()))
      break;
  }
  OnDeinit(0);
  printf("DONE seq=%ld waiting=%d lost=%ld\n", next_seq - 1, ring_count, lost);
  return 0;
}
