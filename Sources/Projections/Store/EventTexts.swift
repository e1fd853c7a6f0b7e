/// The texts of a run of events, one behind the other in one piece of memory: one allocation for all of them, and not several
/// for each. Memory that one thread takes and another gives back has the two wait for each other, which was a seventh of a
/// rebuild (docs/benchmarks.md).
struct EventTexts {
    /// Where the texts of one event stand.
    struct Places {
        fileprivate(set) var id: Range<UInt32> = 0..<0
        fileprivate(set) var actor: Range<UInt32> = 0..<0
        fileprivate(set) var stream: Range<UInt32> = 0..<0
        fileprivate(set) var type: Range<UInt32> = 0..<0
        fileprivate(set) var shown: Range<UInt32> = 0..<0
        fileprivate(set) var document: Range<UInt32> = 0..<0
    }

    /// The texts of one event as UTF-8, valid as long as they are lent.
    struct Lent {
        fileprivate let bytes: UnsafeRawBufferPointer
        fileprivate let places: Places

        var id: UnsafeRawBufferPointer { text(places.id) }
        var actor: UnsafeRawBufferPointer { text(places.actor) }
        var stream: UnsafeRawBufferPointer { text(places.stream) }
        var type: UnsafeRawBufferPointer { text(places.type) }
        var shown: UnsafeRawBufferPointer { text(places.shown) }
        var document: UnsafeRawBufferPointer { text(places.document) }

        private func text(_ place: Range<UInt32>) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: bytes[Int(place.lowerBound)..<Int(place.upperBound)])
        }
    }

    private var bytes: [UInt8] = []

    /// No texts, with room for so many bytes.
    init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// Adds the texts that tables hold of an event.
    ///
    /// - Parameters:
    ///   - shown: appends what feeds show of it.
    ///   - document: appends the document of a proof.
    mutating func add(
        id: String?, actor: String, stream: String, type: String, shown: (inout [UInt8]) -> Void,
        document: (inout [UInt8]) -> Void
    ) -> Places {
        var places = Places()
        if let id { places.id = add { $0.append(contentsOf: id.utf8) } }
        places.actor = add { $0.append(contentsOf: actor.utf8) }
        places.stream = add { $0.append(contentsOf: stream.utf8) }
        places.type = add { $0.append(contentsOf: type.utf8) }
        places.shown = add(shown)
        places.document = add(document)
        return places
    }

    private mutating func add(_ write: (inout [UInt8]) -> Void) -> Range<UInt32> {
        let start = bytes.count
        write(&bytes)
        return UInt32(start)..<UInt32(bytes.count)
    }

    /// Lends the texts that stand at `places`.
    func lend<Result>(_ places: Places, _ body: (Lent) -> Result) -> Result {
        bytes.withUnsafeBytes { body(Lent(bytes: $0, places: places)) }
    }
}
