// The part of MetaTrader that the advisors use, played: just enough for a C++ compiler to take their text as it is, and for
// tests to run it. Names and meanings are those of the MQL4 and MQL5 references; sockets and HTTP are real, on loopback;
// the market, the clock and the terminal's permissions are the test's.
#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <type_traits>
#include <unistd.h>
#include <vector>

typedef unsigned char uchar;
typedef std::string string;
typedef long datetime;

#define input
#define ARRAY(type, name) std::vector<type> name
#define ARRAY_IN(type, name) std::vector<type> &name

const int INIT_SUCCEEDED = 0, INIT_FAILED = 1, INIT_PARAMETERS_INCORRECT = 2;
const int WHOLE_ARRAY = -1, INVALID_HANDLE = -1, COPY_TICKS_INFO = 1;
const unsigned CP_UTF8 = 65001;
enum Property {
  SYMBOL_DIGITS, SYMBOL_CURRENCY_BASE, SYMBOL_CURRENCY_PROFIT, SYMBOL_TRADE_CONTRACT_SIZE, SYMBOL_EXPIRATION_TIME,
  ACCOUNT_LOGIN, ACCOUNT_SERVER, TERMINAL_CONNECTED
};

struct MqlTick {
  datetime time;
  double bid, ask, last;
  ulong volume;
  long time_msc;
  uint flags;
  double volume_real;
};

// What the test decides.
struct SymbolOf {
  int digits = 5;
  string base, profit;
  long expires = 0;
  std::vector<MqlTick> ticks; // all there will be
  size_t visible = 0;         // of these, how many have happened
};
struct Terminal {
  std::vector<string> market_watch;
  std::map<string, SymbolOf> symbols;
  string server = "Broker-Demo", login_shown;
  long login = 12345678, chart = 131812345678901;
  bool connected = true;
  bool live = false;      // real time; otherwise time passes by the turn of the timer
  long offset_s = 0;      // of the broker's clock
  long virtual_us = 0;
  int forbidden = 0;      // the error that a call to an address not on the list gives
  int timeout_ms = 5000;  // the longest real wait for an answer
  int timer_ms = 0;
  int last_error = 0;
  string until;           // a text after whose printing the terminal ends
  bool until_seen = false;
  uint random = 1;
};
inline Terminal terminal;

inline long RealMs() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}
inline long RealUs() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}
inline long UtcMs() { return terminal.live ? RealMs() : 1700000000000 + terminal.virtual_us / 1000; }

// Time.
inline ulong GetMicrosecondCount() { return ulong(terminal.live ? RealUs() : terminal.virtual_us); }
inline uint GetTickCount() { return uint(RealUs() / 1000); }
inline datetime TimeLocal() { return UtcMs() / 1000; }
inline datetime TimeGMT() { return UtcMs() / 1000; }
inline datetime TimeTradeServer() { return UtcMs() / 1000 + terminal.offset_s; }
inline datetime TimeCurrent() {
  long newest = 0;
  for (auto &entry : terminal.symbols)
    if (entry.second.visible > 0)
      newest = std::max(newest, entry.second.ticks[entry.second.visible - 1].time_msc / 1000);
  return newest;
}
inline bool EventSetMillisecondTimer(int ms) { terminal.timer_ms = ms; return true; }
inline void EventKillTimer() { terminal.timer_ms = 0; }

// Text.
inline int StringLen(const string &text) { return int(text.size()); }
inline int StringFind(const string &text, const string &part, int from = 0) {
  size_t at = text.find(part, size_t(from));
  return at == string::npos ? -1 : int(at);
}
inline string StringSubstr(const string &text, int from, int length = -1) {
  return size_t(from) >= text.size() ? "" : text.substr(size_t(from), length < 0 ? string::npos : size_t(length));
}
inline ushort StringGetCharacter(const string &text, int at) { return uchar(text[size_t(at)]); }
inline long StringToInteger(const string &text) { return std::strtol(text.c_str(), nullptr, 10); }
inline string IntegerToString(long value) { return std::to_string(value); }
inline string DoubleToString(double value, int digits) {
  char text[64];
  snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}
template <class T> int StringToCharArray(const string &text, std::vector<T> &to, int, int, unsigned) {
  to.assign(text.begin(), text.end());
  to.push_back(0); // as MetaTrader does
  return int(to.size());
}
template <class T> string CharArrayToString(const std::vector<T> &from, int start, int count, unsigned) {
  size_t end = count < 0 ? from.size() : std::min(from.size(), size_t(start + count));
  string text(from.begin() + start, from.begin() + long(end));
  return text.substr(0, text.find('\0'));
}

// Numbers and arrays.
inline double MathRound(double value) { return std::round(value); }
inline void MathSrand(int seed) { terminal.random = uint(seed); }
inline int MathRand() { terminal.random = terminal.random * 1103515245 + 12345; return int(terminal.random >> 16 & 32767); }
template <class T> int ArrayResize(std::vector<T> &array, int size) { array.resize(size_t(size)); return size; }

// The terminal.
template <class... Parts> void Print(const Parts &...parts) {
  string line;
  ((line += parts), ...);
  printf("PRINT %s\n", line.c_str());
  fflush(stdout);
  if (!terminal.until.empty() && line.find(terminal.until) != string::npos)
    terminal.until_seen = true;
}
inline void ResetLastError() { terminal.last_error = 0; }
inline int GetLastError() { return terminal.last_error; }
inline long ChartID() { return terminal.chart; }
inline long TerminalInfoInteger(Property) { return terminal.connected; }
inline long AccountInfoInteger(Property) { return terminal.login; }
inline string AccountInfoString(Property) { return terminal.server; }
inline int SymbolsTotal(bool) { return int(terminal.market_watch.size()); }
inline string SymbolName(int at, bool) { return terminal.market_watch[size_t(at)]; }
inline bool SymbolSelect(const string &name, bool) { return terminal.symbols.count(name) > 0; }
inline long SymbolInfoInteger(const string &name, Property what) {
  SymbolOf &symbol = terminal.symbols[name];
  return what == SYMBOL_DIGITS ? symbol.digits : symbol.expires;
}
inline double SymbolInfoDouble(const string &, Property) { return 100000; }
inline string SymbolInfoString(const string &name, Property what) {
  SymbolOf &symbol = terminal.symbols[name];
  return what == SYMBOL_CURRENCY_BASE ? symbol.base : symbol.profit;
}
inline bool SymbolInfoTick(const string &name, MqlTick &tick) {
  SymbolOf &symbol = terminal.symbols[name];
  if (symbol.visible == 0)
    return false;
  tick = symbol.ticks[symbol.visible - 1];
  return true;
}
inline int CopyTicks(const string &name, std::vector<MqlTick> &to, int, ulong from, int count) {
  SymbolOf &symbol = terminal.symbols[name];
  auto end = symbol.ticks.begin() + long(symbol.visible);
  auto is_before = [](const MqlTick &tick, ulong msc) { return ulong(tick.time_msc) < msc; };
  auto first = std::lower_bound(symbol.ticks.begin(), end, from, is_before);
  auto last = first + std::min<long>(end - first, count);
  to.assign(first, last);
  return int(to.size());
}

// The network.
inline int ConnectTo(const string &host, int port, int timeout_ms) {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(uint16_t(port));
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  if (::connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}
inline bool SendAll(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t sent = ::send(fd, data, length, MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    data += sent;
    length -= size_t(sent);
  }
  return true;
}
// The server forgives what StringToCharArray leaves at the end; the advisors are not to need it.
template <class T> void NoZeroAtTheEnd(const std::vector<T> &data) {
  if (!data.empty() && data.back() == 0) {
    printf("the text ends in a zero\n");
    exit(4);
  }
}
inline int Fail(int code) { terminal.last_error = code; return -1; }

inline int WebRequest(const string &method, const string &url, const string &headers, int timeout_ms,
                      std::vector<char> &data, std::vector<char> &result, string &result_headers) {
  if (terminal.forbidden != 0)
    return Fail(terminal.forbidden);
  NoZeroAtTheEnd(data);
  size_t host_at = url.find("://") + 3, path_at = url.find('/', host_at), colon = url.find(':', host_at);
  if (colon == string::npos || colon > path_at)
    return Fail(5200);
  int fd = ConnectTo(url.substr(host_at, colon - host_at), atoi(url.c_str() + colon + 1),
                     std::min(timeout_ms, terminal.timeout_ms));
  if (fd < 0)
    return Fail(5201);
  string head = method + " " + url.substr(path_at) + " HTTP/1.1\r\nHost: " + url.substr(host_at, path_at - host_at) +
                "\r\nConnection: close\r\nContent-Length: " + std::to_string(data.size()) + "\r\n" + headers + "\r\n";
  string answer;
  char part[4096];
  ssize_t count = 0;
  if (SendAll(fd, head.data(), head.size()) && SendAll(fd, data.data(), data.size()))
    while ((count = ::recv(fd, part, sizeof part, 0)) > 0)
      answer.append(part, size_t(count));
  ::close(fd);
  size_t body = answer.find("\r\n\r\n");
  size_t length_at = answer.find("content-length: ");
  // An answer that was cut is none.
  if (count < 0 || body == string::npos || length_at == string::npos ||
      answer.size() - body - 4 < size_t(atol(answer.c_str() + length_at + 16)))
    return Fail(5203);
  result_headers = answer.substr(0, body);
  result.assign(answer.begin() + long(body) + 4, answer.end());
  return atoi(answer.c_str() + 9);
}

inline int SocketCreate() { return 0; }
inline std::map<int, int> &Sockets() { static std::map<int, int> open; return open; }
inline bool SocketConnect(int handle, const string &host, uint port, uint timeout_ms) {
  if (terminal.forbidden != 0)
    return Fail(terminal.forbidden) == 0;
  int fd = ConnectTo(host, int(port), std::min(int(timeout_ms), terminal.timeout_ms));
  if (fd < 0)
    return Fail(5272) == 0;
  Sockets()[handle] = fd;
  return true;
}
inline bool SocketClose(int handle) {
  if (Sockets().count(handle))
    ::close(Sockets()[handle]);
  return Sockets().erase(handle) > 0;
}
inline uint SocketIsReadable(int handle) {
  char part[65536];
  ssize_t count = ::recv(Sockets()[handle], part, sizeof part, MSG_PEEK | MSG_DONTWAIT);
  return count > 0 ? uint(count) : 0;
}
inline bool SocketIsConnected(int handle) {
  char byte;
  ssize_t count = Sockets().count(handle) ? ::recv(Sockets()[handle], &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 0;
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}
inline int SocketRead(int handle, std::vector<uchar> &to, uint most, uint) {
  to.resize(most);
  ssize_t count = ::recv(Sockets()[handle], to.data(), most, 0);
  to.resize(count > 0 ? size_t(count) : 0);
  return int(count);
}
inline int SocketSend(int handle, const std::vector<uchar> &data, uint length) {
  return SendAll(Sockets()[handle], reinterpret_cast<const char *>(data.data()), length) ? int(length) : -1;
}
