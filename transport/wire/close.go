package wire

// CloseCode is a WebSocket close code. After Centrifugo's ranges, a client comes
// back by itself after 3000-3499 and does not after 3500-3999, until something
// has changed.
type CloseCode int

// The close codes of the hub.
const (
	// CloseTooBig: a frame was larger than the bound (RFC 6455). Send smaller ones.
	CloseTooBig CloseCode = 1009
	// CloseShutdown: the hub is going down, and there may be no other.
	CloseShutdown CloseCode = 3000
	// CloseSlow: the client read too slowly and its queue was full; resume.
	CloseSlow CloseCode = 3001
	// CloseNoPong: nothing was heard from the client in time.
	CloseNoPong CloseCode = 3002
	// CloseTokenExpired: the token's time is over; come back with a new one.
	CloseTokenExpired CloseCode = 3003
	// CloseOverloaded: too many connections at present; wait for retry_after_ms.
	CloseOverloaded CloseCode = 3004
	// CloseInternal: a fault of the hub.
	CloseInternal CloseCode = 3005
	// CloseConnectTimeout: no connect came in time.
	CloseConnectTimeout CloseCode = 3006
	// CloseMoved: this instance is leaving, or cut off from the log; connect to another
	// at once.
	CloseMoved CloseCode = 3007
	// CloseUnauthorized: the token is missing or does not verify; get another.
	CloseUnauthorized CloseCode = 3500
	// CloseBadProtocol: frames that break the protocol; mend the client.
	CloseBadProtocol CloseCode = 3501
	// CloseDisconnected: cut off through the operator's API.
	CloseDisconnected CloseCode = 3502
	// CloseBanned: the user is banned.
	CloseBanned CloseCode = 3503
	// CloseRevoked: the token was revoked; get another.
	CloseRevoked CloseCode = 3504
)

// CloseCodes lists every code, in the order of PROTOCOL.md.
var CloseCodes = []CloseCode{
	CloseTooBig, CloseShutdown, CloseSlow, CloseNoPong, CloseTokenExpired, CloseOverloaded,
	CloseInternal, CloseConnectTimeout, CloseMoved, CloseUnauthorized, CloseBadProtocol, CloseDisconnected,
	CloseBanned, CloseRevoked,
}

// Name is the code's name in PROTOCOL.md, which also is the text of the close
// frame; "" for a code that has none.
func (c CloseCode) Name() string {
	switch c {
	case CloseShutdown:
		return "shutdown"
	case CloseSlow:
		return "slow"
	case CloseNoPong:
		return "no_pong"
	case CloseTokenExpired:
		return "token_expired"
	case CloseOverloaded:
		return "overloaded"
	case CloseInternal:
		return "internal"
	case CloseConnectTimeout:
		return "connect_timeout"
	case CloseMoved:
		return "moved"
	case CloseUnauthorized:
		return "unauthorized"
	case CloseBadProtocol:
		return "bad_protocol"
	case CloseDisconnected:
		return "disconnected"
	case CloseBanned:
		return "banned"
	case CloseRevoked:
		return "revoked"
	}
	return ""
}

// Reconnect reports whether a client comes back by itself. A code that this
// version does not know is judged by its range.
func (c CloseCode) Reconnect() bool { return c < 3500 || c > 3999 }
