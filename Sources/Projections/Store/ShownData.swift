import CanonicalJSON
import EventStore
import Ledger

/// The text of an event's data as a customer sees it: canonical JSON.
enum ShownData {
    /// Members that are sealed, are a secret's hash, or are a whole document that has its own place.
    private static let hidden: [StaticString] = [
        "sealed_email", "sealed_name", "sealed_verifier", "secret_sha256", "token_sha256", "cdp", "credential",
        "sealed_organisation", "sealed_subscription", "subscription_sha256", "event_sha256",
    ]

    /// Appends what is shown of an event that says `payload`; nothing for one that nobody is shown.
    ///
    /// - Parameter line: what the event was read from, if that is at hand: text is copied from there.
    static func append(
        of payload: LedgerEvent, in event: EventDraft, line: UnsafeRawBufferPointer?, to text: inout [UInt8]
    ) {
        switch payload {
        case .logCreated, .logKeyRotated, .logKeyRecovered, .usageTick, .idempotencyRecorded, .idempotencyReleased,
            .unknown:
            break
        case .sessionCreated, .sessionExecuting, .sessionExecuted, .sessionDestroyed, .sessionExpired,
            .sessionExpiredUnclean, .sessionTerminalOpened, .sessionTerminalClosed, .verificationKeyPublished:
            // Their payloads have exactly their members, none of which is hidden: no need to look at each.
            appendWhole(event, line: line, to: &text)
        default:
            event.writeData(hiding: hidden, to: &text)
        }
    }

    private static func appendWhole(_ event: EventDraft, line: UnsafeRawBufferPointer?, to text: inout [UInt8]) {
        if let line, let source = event.data.canonicalSource, source.upperBound <= line.count {
            text.append(contentsOf: line[source])
        } else {
            event.writeData(to: &text)
        }
    }
}
