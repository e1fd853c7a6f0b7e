import CanonicalJSON
import Testing

@testable import Proofs

@Suite("Data integrity proofs")
struct DataIntegrityProofTests {
    /// W3C Data Integrity EdDSA Cryptosuites 1.0, appendix "Representation: eddsa-jcs-2022".
    private static let specification = """
        {"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"],
        "id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential","AlumniCredential"],
        "name":"Alumni Credential","description":"A minimum viable example of an Alumni Credential.",
        "issuer":"https://vc.example/issuers/5678","validFrom":"2023-01-01T00:00:00Z",
        "credentialSubject":{"id":"did:example:abcdefgh","alumniOf":"The School of Examples"},
        "proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","created":"2023-02-24T23:36:38Z",
        "verificationMethod":"did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2#z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
        "proofPurpose":"assertionMethod",
        "@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"],
        "proofValue":"z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX"}}
        """
    private static let signer = "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"

    private func read(_ text: String) throws -> JSONObject {
        try #require(try JSONReader.read(Array(text.utf8), numbers: .ieee754).object)
    }

    @Test("the specification's own example verifies, and names its key")
    func specification() throws {
        #expect(try DataIntegrityProof.verify(try read(Self.specification)).text == Self.signer)
    }

    @Test("no member of it can be changed, left out or added")
    func everyMemberIsBound() throws {
        let signed = try read(Self.specification)
        for name in signed.names where name != "proof" {
            var changed = signed
            changed[name] = nil
            #expect(throws: CredentialError.self, "\(name)") { try DataIntegrityProof.verify(changed) }
            changed[name] = "another"
            #expect(throws: CredentialError.self, "\(name)") { try DataIntegrityProof.verify(changed) }
        }
        var added = signed
        added["more"] = 1
        #expect(throws: CredentialError.self) { try DataIntegrityProof.verify(added) }
        let proof = try #require(signed["proof"]?.object)
        for name in proof.names {
            var changed = proof
            changed[name] = nil
            var document = signed
            document["proof"] = .object(changed)
            #expect(throws: CredentialError.self, "proof.\(name)") { try DataIntegrityProof.verify(document) }
            changed[name] = "another"
            document["proof"] = .object(changed)
            #expect(throws: CredentialError.self, "proof.\(name)") { try DataIntegrityProof.verify(document) }
        }
    }

    @Test("a did:key reads back exactly, and nothing else reads as one")
    func didKeys() throws {
        let key = try #require(DIDKey(Self.signer))
        #expect(key.text == Self.signer)
        #expect(DIDKey(publicKey: key.publicKey)?.text == Self.signer)
        for wrong in [
            "", "did:key:", "did:key:z", String(Self.signer.dropLast()), Self.signer + "1", "did:web:example.com",
            "did:key:z0OIl", "did:key:z" + String(repeating: "1", count: 200), Self.signer.lowercased(),
        ] { #expect(DIDKey(wrong) == nil, "\(wrong)") }
    }

    @Test("base58 keeps leading zeros and refuses characters that look alike")
    func base58() {
        for bytes in [[], [0], [0, 0, 1], [255, 255], Array(0...63)] as [[UInt8]] {
            #expect(Base58.decode(Substring(Base58.encode(bytes))) == bytes)
        }
        #expect(Base58.encode(Array("Hello World!".utf8)) == "2NEpo7TZRRrLZSi2U")
        for wrong in ["0", "O", "I", "l", "+", " "] { #expect(Base58.decode(Substring(wrong)) == nil) }
    }
}
