import Merkle

@testable import EventStore

// The checksums that guard these bytes would keep a fuzzer out, so every input is read as it is, then with its checksums
// repaired, then with everything repaired that follows from the events.
extension FuzzTarget {
    static func batch(_ bytes: [UInt8]) throws -> Bool {
        let isAccepted = try batchAsItIs(bytes)
        for depth in BatchRepair.Depth.allCases {
            let repair = BatchRepair(bytes, depth: depth)
            let isRepairedAccepted = try batchAsItIs(repair.bytes)
            try promise(isRepairedAccepted || repair.soundBatches == 0, "a batch without a fault is refused")
        }
        return isAccepted
    }

    private static func batchAsItIs(_ bytes: [UInt8]) throws -> Bool {
        guard let header = try? BatchHeader(bytes: bytes) else { return false }
        try promise(header.encoded() == Array(bytes[..<BatchHeader.byteCount]), "a header is not written as it is read")
        guard let verifier = try? BatchVerifier() else { return false }
        var growth = TreeGrowth()
        let size: UInt64? = try bytes.withUnsafeBytes { buffer in
            guard let (header, text) = try? verifier.verify(buffer, grown: &growth) else { return nil }
            try events(of: header, text: text)
            return header.treeSize
        }
        guard let size else {
            try promise(verifier.tree.size == 0, "a refused batch grew the tree")
            return false
        }
        try promise(verifier.tree.size == size && growth.commitments.count == Int(size), "the tree is not the header's")
        return true
    }

    /// Reads the lines of an accepted batch as events: all of them in their places, or none.
    private static func events(of header: BatchHeader, text: UnsafeRawBufferPointer) throws {
        let batch = ScannedBatch(header: header, file: "", offset: 0, text: text, growth: TreeGrowth())
        guard let events = try? batch.envelopes() else { return }
        try promise(events.map(\.sequence) == Array(header.sequences), "an event stands elsewhere than it says")
    }

    static func segment(_ bytes: [UInt8]) throws -> Bool {
        let isAccepted = try segmentAsItIs(bytes).isSealed
        for depth in BatchRepair.Depth.allCases {
            let repair = BatchRepair(bytes, depth: depth)
            let events = try segmentAsItIs(repair.bytes).events
            try promise(events >= repair.soundEvents, "a batch without a fault is refused")
        }
        return isAccepted
    }

    /// - Returns: whether it is a whole sealed segment, and how many events were accepted.
    private static func segmentAsItIs(_ bytes: [UInt8]) throws -> (isSealed: Bool, events: UInt64) {
        let name = SegmentName.of(firstSequence: 0)
        let path = "/" + name
        let live = try SegmentScan(bytes, name: name, path: path, tree: CompactRange(), isLast: true)
        let sealed = try SegmentScan(bytes, name: name, path: path, tree: CompactRange(), isLast: false)
        try promise(live.entry?.tree == sealed.entry?.tree, "the tree depends on whether the segment is the last")
        try promise(sealed.damage != nil || live.damage == nil, "a sealed segment may hold what a live one may not")
        if let damage = live.damage { try promise(damage.offset <= bytes.count, "the damage lies outside the file") }
        if let entry = live.entry { try promise(entry.bytes <= bytes.count, "more was accepted than there is") }
        if let damage = sealed.damage { try survey(bytes, damage: damage) }
        return (sealed.damage == nil && sealed.entry != nil, live.entry?.tree.size ?? 0)
    }

    /// What the auditor says of everything behind the first damage.
    private static func survey(_ bytes: [UInt8], damage: LogScan.Damage) throws {
        let scanner = LogScanner(directory: "", fileSystem: OneFile(path: damage.file, bytes: bytes))
        var events: UInt64 = 0
        let survey = try scanner.survey(after: damage) { events += UInt64($0.header.eventCount) }
        try promise(survey.events == events, "the survey counts other events than it shows")
        try promise(!survey.ranges.isEmpty, "the survey lost the damage")
        for range in survey.ranges {
            try promise(range.offset + (range.bytes ?? 0) <= bytes.count, "a damaged range lies outside the file")
        }
    }
}
