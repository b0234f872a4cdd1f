//+------------------------------------------------------------------+
//| What both advisors share: ticks wait in a ring, numbered, until   |
//| the server has acknowledged them.                                 |
//|                                                                   |
//| MQL4, MQL5 and C++ (with a small header that plays the terminal)  |
//| compile this text as it is, so that the tests run the very code   |
//| that a terminal runs. That is why arrays are declared by ARRAY,   |
//| why functions stand before those that call them, and why nothing  |
//| newer than plain structs and functions is used.                   |
//+------------------------------------------------------------------+
#ifndef ORION_CORE
#define ORION_CORE

#ifndef ARRAY
#define ARRAY(type,name)     type name[]    // a dynamic array
#define ARRAY_IN(type,name)  type &name[]   // and as a parameter
#endif

#define ORION_PATH        "/feeds/metatrader"
#define WAITING_MAX       100000   // ticks kept while the server is away
#define BATCH_MAX         2000     // ticks in one request
#define BATCHES_MAX       8        // requests in one turn of the timer
#define HEARTBEAT_MS      5000
#define BACKOFF_FIRST_MS  1000
#define BACKOFF_MAX_MS    30000
#define POLL_MS           50       // how often ticks are collected
#define WAIT_MS           5000     // for an answer
#define SYMBOLS_MAX       512
#define LIST_MAX          500      // of the Market Watch, symbols that are offered
#define NO_OFFSET         (-1000000)

//--- One symbol that is offered to the server.
struct Watched
  {
   string            name;
   string            quoted;      // as it stands in a line
   int               digits;
   bool              wanted;      // the server takes it
   bool              started;     // the tick before the first one is known
   long              last_msc;    // the newest tick that was collected,
   int               last_same;   // how many there are of its millisecond,
   double            last_bid;    // and its prices
   double            last_ask;
  };

//--- One tick that the server has not acknowledged.
struct Waiting
  {
   int               symbol;      // its place among the watched
   double            bid;
   double            ask;
   long              time_msc;    // by the broker's clock
   long              at_ms;       // by our counter, when it was seen
   int               offset_s;    // of the broker's clock, as far as we know then
  };

Watched  watched[SYMBOLS_MAX];
int      watched_count=0;
bool     listed=false;            // the user listed the symbols

ARRAY(Waiting,ring);
int      ring_first=0;
int      ring_count=0;
long     next_seq=1;              // of the next tick; those that wait are the numbers before it
long     sent_seq=0;              // on a socket: the last number that went out on it
long     lost=0;                  // ticks dropped because the ring was full

string   session="";
bool     greet=true;              // the next batch begins with a hello
int      next_ms=250;             // what the server asks for, and what the user set
long     due_ms=0;                // when to send next
long     beat_ms=0;               // when anything was last sent
int      failures=0;              // in a row
string   complaint="";            // what was last printed of the server's refusals

//+------------------------------------------------------------------+
//| Time: a counter of our own, which no change of a clock touches    |
//+------------------------------------------------------------------+
long NowMs()
  {
   return((long)(GetMicrosecondCount()/1000));
  }

//--- A text as JSON writes it.
string Quoted(const string text)
  {
   string result="\"";
   int length=StringLen(text);
   for(int i=0; i<length; i++)
     {
      int c=(int)StringGetCharacter(text,i);
      if(c=='"' || c=='\\')
         result+="\\";
      if(c>=32)
         result+=StringSubstr(text,i,1);
     }
   result+="\"";
   return(result);
  }

void Watch(const string name)
  {
   if(watched_count>=SYMBOLS_MAX)
      return;
   if(!SymbolSelect(name,true))
     {
      Print("ORION: this broker has no symbol ",name,": correct the advisor's list of symbols");
      return;
     }
   watched[watched_count].name=name;
   watched[watched_count].quoted=Quoted(name);
   watched[watched_count].digits=(int)SymbolInfoInteger(name,SYMBOL_DIGITS);
   watched[watched_count].wanted=false;
   watched[watched_count].started=false;
   watched[watched_count].last_msc=0;
   watched[watched_count].last_same=0;
   watched[watched_count].last_bid=0;
   watched[watched_count].last_ask=0;
   watched_count++;
  }

string Trimmed(const string text)
  {
   int from=0;
   int to=StringLen(text);
   while(from<to && StringGetCharacter(text,from)==' ')
      from++;
   while(to>from && StringGetCharacter(text,to-1)==' ')
      to--;
   return(StringSubstr(text,from,to-from));
  }

//+------------------------------------------------------------------+
//| The symbols: the user's, or what the Market Watch shows. Which of |
//| them are ORION's instruments the server knows.                    |
//+------------------------------------------------------------------+
void ListSymbols(const string symbols)
  {
   watched_count=0;
   listed=(StringLen(symbols)>0);
   if(!listed)
     {
      int total=SymbolsTotal(true);
      for(int i=0; i<total && i<LIST_MAX; i++)
         Watch(SymbolName(i,true));
      return;
     }
   string rest=symbols;
   while(StringLen(rest)>0)
     {
      int comma=StringFind(rest,",");
      string name=rest;
      if(comma>=0)
        {
         name=StringSubstr(rest,0,comma);
         rest=StringSubstr(rest,comma+1);
        }
      else
         rest="";
      name=Trimmed(name);
      if(StringLen(name)>0)
         Watch(name);
     }
  }

//+------------------------------------------------------------------+
//| Begins a session. Its name must never have been used before.      |
//+------------------------------------------------------------------+
void Begin(const string symbols)
  {
   MathSrand((int)(GetTickCount()%32768)+(int)((long)TimeLocal()%32768));
   session=IntegerToString((long)TimeLocal());
   session+="-";
   session+=IntegerToString((long)GetTickCount());
   session+="-";
   session+=IntegerToString((long)MathRand()*32768+MathRand());
   ArrayResize(ring,WAITING_MAX);
   ring_first=0;
   ring_count=0;
   next_seq=1;
   sent_seq=0;
   lost=0;
   greet=true;
   due_ms=0;
   beat_ms=0;
   failures=0;
   complaint="";
   ListSymbols(symbols);
  }

//+------------------------------------------------------------------+
//| The ring of ticks. When it is full the oldest goes, and the       |
//| server sees by the numbers that it is missing.                    |
//+------------------------------------------------------------------+
void Enqueue(const int symbol,const double bid,const double ask,const long time_msc,const int offset_s)
  {
   if(ring_count==WAITING_MAX)
     {
      ring_first=(ring_first+1)%WAITING_MAX;
      ring_count--;
      lost++;
     }
   int place=(ring_first+ring_count)%WAITING_MAX;
   ring[place].symbol=symbol;
   ring[place].bid=bid;
   ring[place].ask=ask;
   ring[place].time_msc=time_msc;
   ring[place].at_ms=NowMs();
   ring[place].offset_s=offset_s;
   ring_count++;
   next_seq++;
  }

//--- The number of the oldest tick that waits.
long FirstSeq()
  {
   return(next_seq-ring_count);
  }

//--- Everything up to this number is the server's.
void Acknowledge(const long seq)
  {
   while(ring_count>0 && FirstSeq()<=seq)
     {
      ring_first=(ring_first+1)%WAITING_MAX;
      ring_count--;
     }
  }

//+------------------------------------------------------------------+
//| The lines                                                         |
//+------------------------------------------------------------------+
//--- The last four figures: the account's number is nobody's business.
string AccountShown()
  {
   string number=IntegerToString(AccountInfoInteger(ACCOUNT_LOGIN));
   int length=StringLen(number);
   string shown="*";
   if(length>4)
      shown+=StringSubstr(number,length-4);
   else
      shown+=number;
   return(shown);
  }

string SymbolPart(const int i)
  {
   string name=watched[i].name;
   string part="{\"sym\":";
   part+=watched[i].quoted;
   part+=",\"digits\":";
   part+=IntegerToString(watched[i].digits);
   part+=",\"base\":";
   part+=Quoted(SymbolInfoString(name,SYMBOL_CURRENCY_BASE));
   part+=",\"profit\":";
   part+=Quoted(SymbolInfoString(name,SYMBOL_CURRENCY_PROFIT));
   part+=",\"contract\":";
   part+=DoubleToString(SymbolInfoDouble(name,SYMBOL_TRADE_CONTRACT_SIZE),2);
   part+=",\"expires\":";
   part+=IntegerToString(SymbolInfoInteger(name,SYMBOL_EXPIRATION_TIME));
   part+="}";
   return(part);
  }

string HelloLine(const string platform,const string token)
  {
   string line="{\"v\":1,\"t\":\"hello\",\"session\":";
   line+=Quoted(session);
   line+=",\"platform\":";
   line+=Quoted(platform);
   line+=",\"srv\":";
   line+=Quoted(AccountInfoString(ACCOUNT_SERVER));
   line+=",\"acc\":";
   line+=Quoted(AccountShown());
   line+=",\"chart\":\"";
   line+=IntegerToString(ChartID());
   line+="\",\"asked\":";
   line+=(listed ? "true" : "false");
   if(StringLen(token)>0)
     {
      line+=",\"token\":";
      line+=Quoted(token);
     }
   line+=",\"symbols\":[";
   for(int i=0; i<watched_count; i++)
     {
      if(i>0)
         line+=",";
      line+=SymbolPart(i);
     }
   line+="]}\n";
   return(line);
  }

string BeatLine()
  {
   string line="{\"v\":1,\"t\":\"hb\",\"session\":";
   line+=Quoted(session);
   line+=",\"at_ms\":";
   line+=IntegerToString(NowMs());
   line+=",\"connected\":";
   line+=(TerminalInfoInteger(TERMINAL_CONNECTED)!=0 ? "true" : "false");
   line+=",\"waiting\":";
   line+=IntegerToString(ring_count);
   line+=",\"lost\":";
   line+=IntegerToString(lost);
   line+="}\n";
   return(line);
  }

string TickLine(const long seq)
  {
   int place=(int)((ring_first+(seq-FirstSeq()))%WAITING_MAX);
   int symbol=ring[place].symbol;
   string line="{\"v\":1,\"t\":\"tick\",\"sym\":";
   line+=watched[symbol].quoted;
   line+=",\"bid\":";
   line+=DoubleToString(ring[place].bid,watched[symbol].digits);
   line+=",\"ask\":";
   line+=DoubleToString(ring[place].ask,watched[symbol].digits);
   line+=",\"time_msc\":";
   line+=IntegerToString(ring[place].time_msc);
   line+=",\"at_ms\":";
   line+=IntegerToString(ring[place].at_ms);
   if(ring[place].offset_s!=NO_OFFSET)
     {
      line+=",\"srv_offset_s\":";
      line+=IntegerToString(ring[place].offset_s);
     }
   line+=",\"seq\":";
   line+=IntegerToString(seq);
   line+="}\n";
   return(line);
  }

//--- A batch: who we are if that is wanted, how we are, and the ticks from one number to another.
string Batch(const string platform,const string token,const long from,const long to)
  {
   string text="";
   if(greet)
      text+=HelloLine(platform,token);
   text+=BeatLine();
   for(long seq=from; seq<=to; seq++)
      text+=TickLine(seq);
   return(text);
  }

//+------------------------------------------------------------------+
//| The server's answer                                               |
//+------------------------------------------------------------------+
//--- The number behind a name in a flat answer, or -1.
long NumberIn(const string text,const string name)
  {
   string key="\"";
   key+=name;
   key+="\":";
   int at=StringFind(text,key);
   if(at<0)
      return(-1);
   at+=StringLen(key);
   int end=at;
   while(end<StringLen(text) && StringGetCharacter(text,end)>='0' && StringGetCharacter(text,end)<='9')
      end++;
   if(end==at)
      return(-1);
   return(StringToInteger(StringSubstr(text,at,end-at)));
  }

//--- What stands between the brackets behind a name, or nothing.
string ListIn(const string text,const string name)
  {
   string key="\"";
   key+=name;
   key+="\":[";
   int at=StringFind(text,key);
   if(at<0)
      return("");
   at+=StringLen(key);
   int end=at;
   bool quoted=false;
   while(end<StringLen(text))
     {
      int c=(int)StringGetCharacter(text,end);
      if(c=='\\')
         end++;
      else if(c=='"')
         quoted=!quoted;
      else if(c==']' && !quoted)
         break;
      end++;
     }
   return(StringSubstr(text,at,end-at));
  }

void TakeSymbols(const string names)
  {
   int count=0;
   for(int i=0; i<watched_count; i++)
     {
      watched[i].wanted=(StringFind(names,watched[i].quoted)>=0);
      if(watched[i].wanted)
         count++;
     }
   greet=false;
   Print("ORION: the server takes ",IntegerToString(count)," symbols of this terminal: ",names);
   if(count==0)
      Print("ORION: none of the symbols is known there: list yours in the advisor's inputs, and map them in ORION's settings");
  }

//--- Prints what is refused, each time that it changes.
void Complain(const string refused)
  {
   if(refused==complaint)
      return;
   complaint=refused;
   if(StringLen(refused)>0)
      Print("ORION: not taken: ",refused);
  }

//--- Takes an answer. False when the server does not know us: then the same ticks go again, after a hello.
bool TakeAnswer(const string text)
  {
   bool known=(StringFind(text,"\"hello\":true")<0);
   long wish=NumberIn(text,"next_ms");
   if(wish>=0)
      next_ms=(int)wish;
   long ack=NumberIn(text,"ack");
   if(ack>=0)
      Acknowledge(ack);
   if(StringFind(text,"\"take\":[")>=0)
      TakeSymbols(ListIn(text,"take"));
   if(!known)
      greet=true;
   Complain(ListIn(text,"refused"));
   return(known);
  }

//+------------------------------------------------------------------+
//| Patience                                                          |
//+------------------------------------------------------------------+
//--- A failure: the waits double, and are drawn anew so that many advisors do not come back together.
void Failed(const string why)
  {
   int step=BACKOFF_FIRST_MS;
   for(int i=0; i<failures && step<BACKOFF_MAX_MS; i++)
      step*=2;
   if(step>BACKOFF_MAX_MS)
      step=BACKOFF_MAX_MS;
   if(failures==0 || step==BACKOFF_MAX_MS)
      Print("ORION: ",why,"; ",IntegerToString(ring_count)," ticks wait, and are sent when the server is back");
   failures++;
   due_ms=NowMs()+step/2+(long)((double)(step/2)*MathRand()/32768.0);
  }

void Succeeded()
  {
   if(failures>0)
      Print("ORION: the server is back");
   failures=0;
  }

//--- Whether there is something to send now.
bool IsDue()
  {
   if(NowMs()<due_ms)
      return(false);
   return(greet || ring_count>0 || NowMs()-beat_ms>=HEARTBEAT_MS);
  }

//+------------------------------------------------------------------+
//| HTTP                                                              |
//+------------------------------------------------------------------+
//--- The line for the terminal's list of allowed addresses: scheme, host and port, no path.
string AllowLine(const string server)
  {
   int scheme=StringFind(server,"://");
   if(scheme<0)
      return(server);
   int slash=StringFind(server,"/",scheme+3);
   if(slash<0)
      return(server);
   return(StringSubstr(server,0,slash));
  }

string ErrorText(const int code,const string server)
  {
   string text="";
   // 4014 in MetaTrader 5 and 4060 in MetaTrader 4: the function is not allowed.
   if(code==4014 || code==4060)
     {
      text="the terminal does not allow this address yet. Open Tools > Options > Expert Advisors, tick 'Allow WebRequest for listed URL', and add this line: ";
      text+=AllowLine(server);
      return(text);
     }
   text="the server cannot be reached (error ";
   text+=IntegerToString(code);
   text+="): is ORION running at ";
   text+=server;
   text+=" ?";
   return(text);
  }

string StatusText(const int status,const string answer)
  {
   string text="the server answered ";
   text+=IntegerToString(status);
   text+=": ";
   text+=StringSubstr(answer,0,300);
   return(text);
  }

bool PostBatch(const string server,const string token,const string text)
  {
   ARRAY(char,data);
   ARRAY(char,result);
   string headers="Content-Type: application/json\r\nAuthorization: Bearer ";
   headers+=token;
   headers+="\r\n";
   string result_headers="";
   string address=AllowLine(server);
   address+=ORION_PATH;
   // StringToCharArray puts a zero behind the text; it is no part of it.
   int length=StringToCharArray(text,data,0,WHOLE_ARRAY,CP_UTF8)-1;
   ArrayResize(data,length);
   ResetLastError();
   int status=WebRequest("POST",address,headers,WAIT_MS,data,result,result_headers);
   if(status<0)
     {
      Failed(ErrorText(GetLastError(),server));
      return(false);
     }
   string answer=CharArrayToString(result,0,WHOLE_ARRAY,CP_UTF8);
   // 409: others send our symbols. That is an answer like any other.
   if(status!=200 && status!=409)
     {
      Failed(StatusText(status,answer));
      return(false);
     }
   if(NumberIn(answer,"next_ms")<0)
     {
      Failed("something answers at this address, and it is not ORION: is the port right?");
      return(false);
     }
   Succeeded();
   TakeAnswer(answer);
   beat_ms=NowMs();
   due_ms=NowMs()+next_ms;
   return(true);
  }

//--- Sends all that waits, in batches. True when the server has it all; otherwise the next turn goes on.
bool SendHttp(const string platform,const string server,const string token)
  {
   for(int i=0; i<BATCHES_MAX; i++)
     {
      long from=FirstSeq();
      long to=next_seq-1;
      if(to-from+1>BATCH_MAX)
         to=from+BATCH_MAX-1;
      if(!PostBatch(server,token,Batch(platform,"",from,to)))
         return(false);
      if(ring_count==0 && !greet)
         return(true);
     }
   due_ms=NowMs();
   return(false);
  }

#endif
