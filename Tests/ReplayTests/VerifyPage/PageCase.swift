import CanonicalJSON
import Foundation

/// What somebody gives the verification page, and `nrx-replay verify`.
struct PageCase {
    /// Unique, and a file name.
    var name: String
    let proof: [UInt8]
    /// The log's verifier key.
    var key: String?
    /// A `.tlog-proof` given apart.
    var inclusion: String?
    var acceptsMissingLayers = false

    init(
        _ name: String, _ proof: [UInt8], key: String? = nil, inclusion: String? = nil,
        acceptsMissingLayers: Bool = false
    ) {
        (self.name, self.proof, self.key, self.inclusion) = (name, proof, key, inclusion)
        self.acceptsMissingLayers = acceptsMissingLayers
    }

    init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }

    /// The members that `cases.json` has of it.
    var document: JSONValue {
        [
            "name": .string(name), "key": key.map { .string($0) } ?? .null, "inclusion": .bool(inclusion != nil),
            "acceptsMissingLayers": .bool(acceptsMissingLayers),
        ]
    }

    /// Writes its files.
    func write(to directory: String) throws {
        try Data(proof).write(to: URL(filePath: "\(directory)/\(name).json"))
        if let inclusion {
            try Data(inclusion.utf8).write(to: URL(filePath: "\(directory)/\(name).tlog-proof"))
        }
    }

    /// What the program says of it.
    func verdict(in directory: String) throws -> JSONValue {
        var arguments = ["verify", "--json", "\(directory)/\(name).json"]
        if let key { arguments += ["--log-key", key] }
        if inclusion != nil { arguments += ["--proof", "\(directory)/\(name).tlog-proof"] }
        if acceptsMissingLayers { arguments.append("--allow-missing-layers") }
        return try JSONReader.read(try Shell.replay(arguments).output)
    }
}

/// What differs between the page's report and the program's.
struct ReportComparison {
    let program: JSONValue
    let page: JSONValue

    /// Names of the members that should be equal and are not, with both values.
    var differences: [String] {
        let names = [
            "result", "level_asked", "level_reached", "checks", "layers_missing", "session_id", "key_id",
            "destroyed_at",
        ]
        var differences = names.compactMap { difference($0, program[$0], page[$0]) }
        for level in ["integrity", "provenance"] {
            let (theirs, ours) = (program["levels"]?[level], page["levels"]?[level])
            let result = theirs?["result"]
            if let difference = difference("\(level)'s result", result, ours?["result"]) {
                differences.append(difference)
            } else if result != nil, result != "not_reached",
                let difference = difference("\(level)'s reasons", theirs?["explanation"], ours?["explanation"])
            {
                // How to ask for more is said in other words on a page than on a command line.
                differences.append(difference)
            }
        }
        return differences
    }

    private func difference(_ name: String, _ theirs: JSONValue?, _ ours: JSONValue?) -> String? {
        let (theirs, ours) = (theirs ?? .null, ours ?? .null)
        return theirs == ours
            ? nil : "\(name): the program says \(theirs.canonicalText), the page \(ours.canonicalText)"
    }
}
