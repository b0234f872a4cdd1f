//+------------------------------------------------------------------+
//| ORION bridge for MetaTrader 4: streams the ticks of any number of |
//| symbols to an ORION server. Put it on one chart, once.            |
//+------------------------------------------------------------------+
#property copyright "ORION"
#property version   "1.00"
#property strict
#property description "Streams this terminal's ticks to ORION. It never trades."
#property description "Allow the server's address first: Tools > Options > Expert Advisors > Allow WebRequest for listed URL."

#include "OrionCore.mqh"

input string Server  = "http://127.0.0.1:8080"; // ORION's address
input string Token   = "";                      // Token, from: orion key add terminal --for metatrader
input string Symbols = "";                      // Symbols with commas between; empty: the Market Watch
input int    BatchMs = 250;                     // Milliseconds between batches

#define PLATFORM    "MT4"

int OnInit()
  {
   if(StringLen(Token)==0)
     {
      Print("ORION: no token: make one with `orion key add terminal --for metatrader` and paste it into the advisor's inputs");
      return(INIT_PARAMETERS_INCORRECT);
     }
   Begin(Symbols);
   if(!EventSetMillisecondTimer(POLL_MS))
     {
      Print("ORION: the terminal gives no timer, error ",IntegerToString(GetLastError()));
      return(INIT_FAILED);
     }
   Print("ORION: session ",session,", ",IntegerToString(watched_count)," symbols offered to ",Server);
   return(INIT_SUCCEEDED);
  }

void OnDeinit(const int reason)
  {
   EventKillTimer();
   Print("ORION: stopped (reason ",IntegerToString(reason),"); ",IntegerToString(ring_count)," ticks were not sent");
  }

//--- The broker's clock against UTC, in quarters of an hour; only by a tick that is the newest of all.
int OffsetNow(const long time)
  {
   if((long)TimeCurrent()-time>10)
      return(NO_OFFSET);
   return((int)MathRound((double)((long)TimeCurrent()-(long)TimeGMT())/900.0)*900);
  }

void CollectSymbol(const int i)
  {
   MqlTick tick;
   if(!SymbolInfoTick(watched[i].name,tick) || tick.time<=0)
      return;
   long time_msc=(long)tick.time*1000;
   bool same=(time_msc==watched[i].last_msc && tick.bid==watched[i].last_bid && tick.ask==watched[i].last_ask);
   if(same)
      return;
   // What is there at the start may be of last Friday: the stream begins behind it.
   if(watched[i].started)
      Enqueue(i,tick.bid,tick.ask,time_msc,OffsetNow((long)tick.time));
   watched[i].started=true;
   watched[i].last_msc=time_msc;
   watched[i].last_bid=tick.bid;
   watched[i].last_ask=tick.ask;
  }

//+------------------------------------------------------------------+
//| Ticks: MetaTrader 4 knows the newest one of each symbol only, and |
//| its time in seconds.                                              |
//+------------------------------------------------------------------+
void Collect()
  {
   for(int i=0; i<watched_count; i++)
      if(watched[i].wanted)
         CollectSymbol(i);
  }

void OnTick()
  {
   Collect();
  }

void OnTimer()
  {
   Collect();
   if(IsDue() && SendHttp(PLATFORM,Server,Token))
      due_ms=NowMs()+(next_ms>BatchMs ? next_ms : BatchMs);
  }
