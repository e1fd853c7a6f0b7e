public import CanonicalJSON

/// Which regulatory provisions the steps of a destruction proof are factually related to: versioned data
/// (`Resources/regulatory-table.json`, embedded in the program), never a claim of compliance.
///
/// ```swift
/// try RegulatoryTable.bundled().context(for: session.context)
/// ```
public struct RegulatoryTable: Sendable {
    /// One provision, and when it is named.
    struct Row: Sendable {
        let step: Int64
        let subsystem: String
        let framework: JSONValue
        let jurisdictions: Set<String>
        let classifications: Set<String>
    }

    /// The version of the mapping, as it stands in every proof.
    public let frameworkVersion: String
    let notice: String
    let rows: [Row]

    // Read once; a failure is kept too, so that every caller sees it.
    private static let loaded: Result<RegulatoryTable, ProofError> = Result { () throws(ProofError) in
        try RegulatoryTable(json: PackageResources.regulatory_table_json)
    }

    /// The table of this version of the program.
    ///
    /// - Throws: ``ProofError/Code/regulatoryTableInvalid`` when the embedded file is broken.
    public static func bundled() throws(ProofError) -> RegulatoryTable { try loaded.get() }

    /// Reads a table.
    ///
    /// - Parameter json: UTF-8 text of the form of `Resources/regulatory-table.json`.
    init(json: [UInt8]) throws(ProofError) {
        let table: JSONValue
        do { table = try JSONReader.read(json) } catch {
            throw ProofError(.regulatoryTableInvalid, "the regulatory table is not strict JSON: \(error)")
        }
        guard let version = table["framework_version"]?.string, let notice = table["notice"]?.string,
            let rows = table["rows"]?.array
        else { throw ProofError(.regulatoryTableInvalid, "framework_version, notice or rows is missing") }
        self.frameworkVersion = version
        self.notice = notice
        self.rows = try Self.read(rows)
    }

    private static func read(_ rows: [JSONValue]) throws(ProofError) -> [Row] {
        var result: [Row] = []
        for (index, row) in rows.enumerated() {
            guard let step = row["step"]?.integer, let subsystem = row["subsystem"]?.string,
                let regulation = row["regulation"]?.string, let provision = row["provision"]?.string,
                let description = row["description"]?.string,
                let jurisdictions = row["jurisdictions"]?.array?.compactMap(\.string),
                let classifications = row["data_classifications"]?.array?.compactMap(\.string)
            else { throw ProofError(.regulatoryTableInvalid, "row \(index) of the regulatory table is incomplete") }
            let framework: JSONValue = [
                "regulation": .string(regulation), "provision": .string(provision),
                "description": .string(description), "relationship": "related_to",
            ]
            result.append(
                Row(
                    step: step, subsystem: subsystem, framework: framework, jurisdictions: Set(jurisdictions),
                    classifications: Set(classifications)))
        }
        return result
    }

    /// The `regulatory_context` of a proof: the provisions that concern this jurisdiction and classification, by step.
    public func context(for context: SessionContext) -> JSONValue {
        let concerned = rows.filter {
            $0.jurisdictions.contains(context.jurisdiction.rawValue)
                && $0.classifications.contains(context.dataClassification.rawValue)
        }
        var mappings: [JSONValue] = []
        for step in Set(concerned.map(\.step)).sorted() {
            let ofStep = concerned.filter { $0.step == step }
            mappings.append([
                "step": .integer(step), "subsystem": .string(ofStep[0].subsystem),
                "frameworks": .array(ofStep.map(\.framework)),
            ])
        }
        return [
            "notice": .string(notice), "framework_version": .string(frameworkVersion), "mappings": .array(mappings),
        ]
    }
}
