"""How a connection speaks HTTP: uvicorn's protocol, and on top of it what callers that we do not choose need.

One class a module, each on top of the one before it; servers speak `HttpProtocol`, the last:

- `orderly.Orderly`: what is no HTTP is refused in our words, never in the place of an earlier call's answer;
  who has sent a whole call and closed their side is answered.
- `bounded.Bounded`: a head, and what follows a chunked body, may be so long and no longer.
- `impatient.Impatient`: who begins a call and brings no more of it is hung up on.
- `declining.Declining`: an offer of another protocol (`Upgrade: h2c`) is passed over, its call answered.
- `escaping.Escaping`: an address may come with letters that should have been escaped.
- `one_write.OneWrite`: head and body of an answer leave in one packet.
- `ending.Ending`: an answer that cannot be finished looks like none that was, in HTTP/1.0 too.
- `at_once.AtOnce`: an answer that is whole when it begins is sent as one.

The order is that of what they take over: the reading first, then the writing.
"""

from disparo.api.protocol.at_once import WHOLE_ANSWER, send_whole
from disparo.api.protocol.at_once import AtOnce as HttpProtocol
from disparo.api.protocol.ending import break_off

__all__ = ["WHOLE_ANSWER", "HttpProtocol", "break_off", "send_whole"]
