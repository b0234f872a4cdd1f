"""What the load tells a server, and the messages it publishes by it: see src/served/, src/pace.rs and src/message.rs."""

import time

SYMBOLS = ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "XAUUSD", "NAS100", "SPX500"]
NUMBER_BASE = 10**9
STAMP_BASE = 10**18


class Pace:
    """A timetable of bursts, and how far it has been published."""

    def __init__(self, line, template):
        self.start, self.period, self.burst, self.count = map(int, line.split())
        self.template = template
        self.published = 0

    def is_over(self):
        return self.published == self.count

    def wait_ns(self):
        """Until the next burst is due."""
        return self.start + self.published * self.period - time.monotonic_ns()

    def take_due(self):
        """The messages of the next burst, if it is due."""
        if self.is_over() or self.wait_ns() > 0:
            return []
        stamp = str(STAMP_BASE + (self.start + self.published * self.period | 1))
        first = self.published * self.burst
        self.published += 1
        return [self.message(number, stamp) for number in range(first, first + self.burst)]

    def message(self, number, stamp):
        text = self.template.replace("{symbol}", SYMBOLS[number % len(SYMBOLS)])
        text = text.replace("{number}", str(NUMBER_BASE + number))
        return text.replace("{stamp}", f"{stamp[:-9]}.{stamp[-9:]}")
