import Foundation
import Synchronization

/// What a thread of its own has read.
final class Collected: Sendable {
    private let bytes = Mutex(Data())

    var errors: Data { bytes.withLock { $0 } }

    func set(errors: Data) { bytes.withLock { $0 = errors } }
}
