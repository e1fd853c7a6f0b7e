import HTTPTypes
import NIOCore

/// Hands the parts of an answer from the task that reads them inside to the one that sends them on, one at a time:
/// whoever is faster waits, so an answer of any length holds one part in memory.
actor PortAnswer {
    enum Part: Sendable {
        case head(HTTPResponse)
        case body(ByteBuffer)
        case end
        /// The server inside is gone, or spoke no HTTP.
        case broken
    }

    private var part: Part?
    private var taker: CheckedContinuation<Part, Never>?
    private var giver: CheckedContinuation<Bool, Never>?
    private var isLeft = false

    /// Gives the next part, and waits until it was taken. One giver.
    ///
    /// - Returns: false when nobody takes any more.
    func give(_ part: Part) async -> Bool {
        if isLeft { return false }
        if let taker {
            self.taker = nil
            taker.resume(returning: part)
            return true
        }
        self.part = part
        return await withCheckedContinuation { giver = $0 }
    }

    /// The next part. One taker; after `end` and `broken` there is none.
    func take() async -> Part {
        if let part {
            self.part = nil
            giver?.resume(returning: true)
            giver = nil
            return part
        }
        if isLeft { return .broken }
        return await withCheckedContinuation { taker = $0 }
    }

    /// Nobody takes any more.
    func leave() {
        isLeft = true
        part = nil
        giver?.resume(returning: false)
        giver = nil
        taker?.resume(returning: .broken)
        taker = nil
    }
}
