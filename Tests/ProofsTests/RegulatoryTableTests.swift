import CanonicalJSON
@testable import Proofs
import Testing

@Suite("The regulatory table")
struct RegulatoryTableTests {
    private func context(_ jurisdiction: Jurisdiction, _ classification: DataClassification) throws -> JSONValue {
        try RegulatoryTable.bundled().context(
            for: SessionContext(
                jurisdiction: jurisdiction, dataClassification: classification, region: "eu", environment: .live))
    }

    private func provisions(_ context: JSONValue) -> [String] {
        (context["mappings"]?.array ?? []).flatMap { mapping in
            (mapping["frameworks"]?.array ?? []).map {
                "\(mapping["step"]?.integer ?? 0) \($0["regulation"]?.string ?? "") \($0["provision"]?.string ?? "")"
            }
        }
    }

    @Test("gives the golden proof's context for health data in the EU")
    func matchesTheGoldenProof() throws {
        #expect(try context(.europeanUnion, .healthInformation) == GoldenProof.document()["regulatory_context"])
    }

    @Test("names at least one provision for every jurisdiction and classification, and only ever as related")
    func coversEverything() throws {
        for jurisdiction in Jurisdiction.allCases {
            for classification in DataClassification.allCases {
                let context = try context(jurisdiction, classification)
                #expect(!provisions(context).isEmpty, "\(jurisdiction) \(classification)")
                #expect(Set(provisions(context)).count == provisions(context).count, "no provision twice")
                for mapping in context["mappings"]?.array ?? [] {
                    let step = try #require(mapping["step"]?.integer)
                    #expect(mapping["subsystem"]?.string == EvidenceChain.steps[Int(step) - 1].subsystem)
                    for framework in mapping["frameworks"]?.array ?? [] {
                        #expect(framework["relationship"] == "related_to")
                        #expect(framework.object?.members.count == 4)
                    }
                }
                #expect(context["framework_version"] == "2026-02")
                #expect(context["notice"]?.string?.contains("not a compliance certification") == true)
            }
        }
    }

    @Test("names what belongs to a place only there")
    func namesPlacesOnlyThere() throws {
        #expect(provisions(try context(.unitedKingdom, .personalInformation)) == ["3 UK GDPR Article 17(1)"])
        #expect(provisions(try context(.canada, .personalInformation)) == ["3 PIPEDA Schedule 1, Principle 4.5.3"])
        #expect(provisions(try context(.australia, .general)) == ["3 Privacy Act 1988 (Australia) APP 11.2"])
        #expect(
            provisions(try context(.india, .financial)) == [
                "3 Digital Personal Data Protection Act 2023 (India) Section 8(7)"
            ])
        #expect(
            provisions(try context(.unitedStates, .financial)).contains("3 GLBA Safeguards Rule 16 CFR 314.4(c)(6)"))
        #expect(!provisions(try context(.europeanUnion, .financial)).contains { $0.contains("GLBA") })
    }

    @Test("names in its rows only jurisdictions and classifications that exist")
    func knowsItsWords() throws {
        for row in try RegulatoryTable.bundled().rows {
            #expect(row.jurisdictions.allSatisfy { Jurisdiction(rawValue: $0) != nil })
            #expect(row.classifications.allSatisfy { DataClassification(rawValue: $0) != nil })
        }
    }

    @Test(
        "is refused when it is broken", arguments: ["", "{}", #"{"framework_version":"1","notice":"n","rows":[{}]}"#])
    func refusesBrokenTables(text: String) {
        let error = #expect(throws: ProofError.self) { try RegulatoryTable(json: Array(text.utf8)) }
        #expect(error?.code == .regulatoryTableInvalid)
    }
}
