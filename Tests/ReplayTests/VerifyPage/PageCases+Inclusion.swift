import CanonicalJSON
import EventStore
import Foundation
import Ledger
import Testing

@testable import Replay

extension PageCases {
    /// Proofs with their inclusion in logs that went on under another key between them, endorsed by the old key and by the
    /// recovery key; under both keys and strangers', and with each part of the inclusion changed.
    mutating func addInclusions() async throws {
        for isRecovered in [false, true] { try await addInclusions(isRecovered: isRecovered) }
    }

    private mutating func addInclusions(isRecovered: Bool) async throws {
        let directory = try TemporaryDirectory()
        let (old, new) = (try TestSigner(), try TestSigner(seed: 8))
        let recovery = try TestSigner(origin: "ledger.example/recovery", seed: 11)
        var log = try TestLog.open(directory.path, signer: old, naming: recovery.verifierKey)
        var story = try await Story(log: log)
        var proofs = [try await story.destroy(try await story.liveSession())]
        if isRecovered {
            try await log.close()
            log = try TestLog.open(directory.path, signer: new, recoveredBy: recovery)
        } else {
            _ = try await log.rotateKey(
                to: new, eventID: EventID(high: 9, low: 9).text, at: Timestamp(microseconds: 1_772_373_700_000_000))
        }
        var later = try await Story(log: log, number: 2)
        proofs.append(try await later.destroy(try await later.liveSession()))
        try await log.close()
        var files: [JSONObject] = []
        for proof in proofs {
            files.append(try await InclusionFile.make(of: proof, in: directory.path, signer: new))
        }
        let strangers = [try TestSigner(seed: 9).verifierKey, try TestSigner(origin: "other/log", seed: 8).verifierKey]
        let keys = ([old.verifierKey, new.verifierKey] + strangers).map(\.description)
        for file in files {
            append("inclusion", file, key: nil)
            for key in keys { append("inclusion", file, key: key) }
        }
        for (index, file) in files.enumerated() {
            let inclusion = try #require(file["inclusion"]?.object)
            addChangedFiles(file, inclusion, other: files[1 - index], key: keys[1])
            try addLooseProofs(proofs, inclusion, keys: keys)
            addChangedRecovery(file, inclusion, key: keys[0])
            addChangedRotations(file, inclusion, key: keys[0])
        }
    }

    private mutating func append(_ name: String, _ file: JSONObject, key: String?) {
        add(PageCase(name, JSONValue.object(file).canonicalBytes, key: key))
    }

    private mutating func addChangedFiles(
        _ file: JSONObject, _ inclusion: JSONObject, other: JSONObject, key: String
    ) {
        for name in ["proof_issued", "verification_key_published"] {
            let text = inclusion[name]?.string ?? ""
            let changes = Self.changes(of: text).map { Optional(JSONValue.string($0)) }
            for value in changes + [nil, .null, 7, other["inclusion"]?[name]] {
                var (file, changed) = (file, inclusion)
                changed[name] = value
                file["inclusion"] = .object(changed)
                append("inclusion-changed", file, key: key)
            }
        }
        var swapped = file
        swapped["cdp"] = other["cdp"]
        append("inclusion-swapped", swapped, key: key)
        swapped["cdp"] = .object(JSONObject())
        append("inclusion-of-nothing", swapped, key: key)
        var more = file
        more["more"] = true
        append("inclusion-with-more", more, key: key)
        var without = file
        without["inclusion"] = .null
        append("inclusion-null", without, key: key)
    }

    /// A `.tlog-proof` as a text, altered in each of its parts.
    private static func changes(of text: String) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var changes = lines.indices.map { index in
            lines.enumerated().filter { $0.offset != index }.map(\.element).joined(separator: "\n")
        }
        for index in lines.indices where !lines[index].isEmpty {
            var changed = lines
            var characters = Array(changed[index])
            let place = characters.count / 2
            characters[place] = characters[place] == "A" ? "B" : "A"
            changed[index] = String(characters)
            changes.append(changed.joined(separator: "\n"))
        }
        return changes + [
            text + "\n", text.replacing("\n", with: "\r\n"), text.replacing("index ", with: "index 0"), "",
        ]
    }

    private mutating func addLooseProofs(_ proofs: [[UInt8]], _ inclusion: JSONObject, keys: [String]) throws {
        for name in ["proof_issued", "verification_key_published"] {
            let text = try #require(inclusion[name]?.string)
            for proof in proofs { add(PageCase("loose", proof, key: keys[1], inclusion: text)) }
            // The page takes a file for a .tlog-proof by its first line, so that line stays.
            for change in Self.changes(of: text) where change.hasPrefix("c2sp.org/tlog-proof@v1\n") {
                add(PageCase("loose-changed", proofs[0], key: keys[1], inclusion: change))
            }
        }
    }

    private mutating func addChangedRotations(_ file: JSONObject, _ inclusion: JSONObject, key: String) {
        let rotations = inclusion["key_rotations"]?.array ?? []
        var changes: [JSONValue?] = [nil, [], .null, [.null], .array(rotations + rotations)]
        for rotation in rotations {
            for path in rotation.placesOfAll where !path.isEmpty {
                for other in rotation.value(at: path).others.prefix(12) {
                    changes.append([rotation.replacing(path, with: other)])
                }
            }
        }
        for change in changes {
            var (file, changed) = (file, inclusion)
            changed["key_rotations"] = change
            file["inclusion"] = .object(changed)
            append("rotation", file, key: key)
        }
    }

    /// What the file says of the recovery key of the log's first key, altered in each of its parts.
    private mutating func addChangedRecovery(_ file: JSONObject, _ inclusion: JSONObject, key: String) {
        let recovery = inclusion["recovery"] ?? .null
        var changes: [JSONValue?] = [nil, .null, [:], []]
        for path in recovery.placesOfAll where !path.isEmpty {
            for other in recovery.value(at: path).others { changes.append(recovery.replacing(path, with: other)) }
        }
        for change in changes {
            var (file, changed) = (file, inclusion)
            changed["recovery"] = change
            file["inclusion"] = .object(changed)
            append("recovery", file, key: key)
        }
    }
}
