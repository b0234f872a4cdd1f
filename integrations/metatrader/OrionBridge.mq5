//+------------------------------------------------------------------+
//| ORION bridge for MetaTrader 5: streams the ticks of any number of |
//| symbols to an ORION server. Put it on one chart, once.            |
//+------------------------------------------------------------------+
#property copyright "ORION"
#property version   "1.00"
#property description "Streams this terminal's ticks to ORION. It never trades."
#property description "Allow the server's address first: Tools > Options > Expert Advisors > Allow WebRequest for listed URL."

#include "OrionCore.mqh"

input string Server  = "http://127.0.0.1:8080"; // ORION's address
input string Token   = "";                      // Token, from: orion key add terminal --for metatrader
input string Symbols = "";                      // Symbols with commas between; empty: the Market Watch
input int    BatchMs = 250;                     // Milliseconds between batches
input bool   UseSocket = false;                 // Use a plain socket instead of HTTP
input int    SocketPort = 8081;                 // Port of the socket: ORION's feed.metatrader.listen

#define PLATFORM    "MT5"
#define COPY_MAX    2000
#define ANSWER_MS   10000   // a socket on which nothing is answered for so long is dead
#define FLIGHT_MAX  8000    // ticks on their way that are not acknowledged

int    connection=INVALID_HANDLE;
string received="";         // of the server, up to a whole line
long   answered_ms=0;

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

void Disconnect()
  {
   if(connection!=INVALID_HANDLE)
      SocketClose(connection);
   connection=INVALID_HANDLE;
  }

void OnDeinit(const int reason)
  {
   EventKillTimer();
   Print("ORION: stopped (reason ",IntegerToString(reason),"); ",IntegerToString(ring_count)," ticks were not sent");
   Disconnect();
  }

//--- How many ticks at the end are of the same millisecond.
int SameAtEnd(ARRAY_IN(MqlTick,ticks),const int count)
  {
   int same=1;
   while(same<count && ticks[count-1-same].time_msc==ticks[count-1].time_msc)
      same++;
   return(same);
  }

//--- Notes where the stream begins: behind the newest tick there is now, which may be of last Friday.
void Start(const int i)
  {
   MqlTick newest;
   if(!SymbolInfoTick(watched[i].name,newest) || newest.time_msc<=0)
      return;
   ARRAY(MqlTick,ticks);
   int count=CopyTicks(watched[i].name,ticks,COPY_TICKS_INFO,(ulong)newest.time_msc,COPY_MAX);
   if(count<=0)
      return;
   watched[i].last_msc=ticks[count-1].time_msc;
   watched[i].last_same=SameAtEnd(ticks,count);
   watched[i].started=true;
  }

//--- The broker's clock against UTC, in quarters of an hour; only while ticks are fresh.
int OffsetNow(ARRAY_IN(MqlTick,ticks),const int count)
  {
   if(count<=0)
      return(NO_OFFSET);
   long server=(long)TimeTradeServer();
   long age=server-ticks[count-1].time_msc/1000;
   if(age<-10 || age>10)
      return(NO_OFFSET);
   return((int)MathRound((double)(server-(long)TimeGMT())/900.0)*900);
  }

//--- All ticks since the last one. Several may be of one millisecond: it is asked for again, and those known are left out.
void CollectSymbol(const int i)
  {
   int count=COPY_MAX;
   while(count==COPY_MAX)
     {
      ARRAY(MqlTick,ticks);
      count=CopyTicks(watched[i].name,ticks,COPY_TICKS_INFO,(ulong)watched[i].last_msc,COPY_MAX);
      int known=watched[i].last_same;
      int offset=OffsetNow(ticks,count);
      for(int k=0; k<count; k++)
        {
         long time_msc=ticks[k].time_msc;
         if(time_msc<watched[i].last_msc)
            continue;
         if(time_msc==watched[i].last_msc && known>0)
           {
            known--;
            continue;
           }
         if(time_msc==watched[i].last_msc)
            watched[i].last_same++;
         else
            watched[i].last_same=1;
         watched[i].last_msc=time_msc;
         known=0;
         Enqueue(i,ticks[k].bid,ticks[k].ask,time_msc,offset);
        }
     }
  }

//+------------------------------------------------------------------+
//| Ticks                                                             |
//+------------------------------------------------------------------+
void Collect()
  {
   for(int i=0; i<watched_count; i++)
     {
      if(!watched[i].wanted)
         continue;
      if(!watched[i].started)
         Start(i);
      else
         CollectSymbol(i);
     }
  }

void OnTick()
  {
   Collect();
  }

string HostOf(const string server)
  {
   int from=StringFind(server,"://");
   from=(from<0 ? 0 : from+3);
   int to=from;
   while(to<StringLen(server) && StringGetCharacter(server,to)!=':' && StringGetCharacter(server,to)!='/')
      to++;
   return(StringSubstr(server,from,to-from));
  }

void Lost(const string why)
  {
   Disconnect();
   Failed(why);
  }

bool Connect()
  {
   received="";
   ResetLastError();
   connection=SocketCreate();
   if(connection==INVALID_HANDLE || !SocketConnect(connection,HostOf(Server),SocketPort,WAIT_MS))
     {
      int code=GetLastError();
      // The list holds hosts: what is allowed for WebRequest is allowed for sockets.
      Lost(ErrorText(code,Server));
      return(false);
     }
   greet=true;
   sent_seq=FirstSeq()-1;
   answered_ms=NowMs();
   return(true);
  }

//--- After a hello nothing goes out before its answer: only the server knows where to go on.
void SendLines()
  {
   bool hello=greet;
   if(sent_seq<FirstSeq()-1)
      sent_seq=FirstSeq()-1;
   long from=sent_seq+1;
   long to=next_seq-1;
   if(hello)
      to=sent_seq;
   if(to-from+1>BATCH_MAX)
      to=from+BATCH_MAX-1;
   string text=Batch(PLATFORM,Token,from,to);
   ARRAY(uchar,data);
   int length=StringToCharArray(text,data,0,WHOLE_ARRAY,CP_UTF8)-1;
   if(SocketSend(connection,data,(uint)length)!=length)
     {
      Lost("the connection is lost");
      return;
     }
   sent_seq=to;
   beat_ms=NowMs();
   due_ms=(hello ? NowMs()+ANSWER_MS : 0);
  }

bool TakeLine(const string line)
  {
   bool refused=(StringFind(line,"\"error\":")>=0 && StringFind(line,"\"ok\":false")>=0);
   if(refused)
     {
      string why="the server refuses: ";
      why+=line;
      Lost(why);
      return(false);
     }
   answered_ms=NowMs();
   due_ms=0;
   Succeeded();
   if(!TakeAnswer(line))
      sent_seq=FirstSeq()-1;
   return(true);
  }

//--- Takes whole lines. False when the connection is over.
bool ReadAnswers()
  {
   if(!SocketIsConnected(connection))
     {
      Lost("the connection is lost");
      return(false);
     }
   uint ready=SocketIsReadable(connection);
   if(ready==0)
      return(true);
   ARRAY(uchar,data);
   int count=SocketRead(connection,data,ready,WAIT_MS);
   if(count<=0)
     {
      Lost("the connection is lost");
      return(false);
     }
   received+=CharArrayToString(data,0,count,CP_UTF8);
   int end=StringFind(received,"\n");
   while(end>=0)
     {
      string line=StringSubstr(received,0,end);
      received=StringSubstr(received,end+1);
      if(!TakeLine(line))
         return(false);
      end=StringFind(received,"\n");
     }
   return(true);
  }

//+------------------------------------------------------------------+
//| The socket: the same lines, without requests                      |
//+------------------------------------------------------------------+
void TalkSocket()
  {
   if(connection==INVALID_HANDLE)
     {
      if(NowMs()<due_ms)
         return;
      if(!Connect())
         return;
     }
   if(!ReadAnswers())
      return;
   if(NowMs()-answered_ms>ANSWER_MS)
     {
      Lost("nothing is answered any more");
      return;
     }
   bool more=(sent_seq<next_seq-1 && sent_seq-FirstSeq()<FLIGHT_MAX);
   if((greet || more || NowMs()-beat_ms>=HEARTBEAT_MS) && NowMs()>=due_ms)
      SendLines();
  }

void OnTimer()
  {
   Collect();
   if(UseSocket)
      TalkSocket();
   else if(IsDue() && SendHttp(PLATFORM,Server,Token))
      due_ms=NowMs()+(next_ms>BatchMs ? next_ms : BatchMs);
  }
