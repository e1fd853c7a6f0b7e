import CanonicalJSON
import Crypto
import EventStore
import Foundation
import HTTPTypes
import Ledger
import ServerFixtures
import Testing

@testable import API

@Suite("Tokens", .serialized, .timeLimit(.minutes(10)))
struct TokenTests {
    private static func part(_ value: JSONValue) -> String { part(value.canonicalBytes) }

    private static func part(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func json(_ part: Substring) throws -> JSONValue {
        let text = String(part).replacing("-", with: "+").replacing("_", with: "/")
        let padded = text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return try JSONReader.read(Array(try #require(Data(base64Encoded: padded))))
    }

    @Test("anyone can check a token with the published key; it says who, for whom, from when to when, and nothing else")
    func published() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let token = try await server.signIn().access
            let parts = token.split(separator: ".")
            let header = try Self.json(parts[0])
            let claims = try Self.json(parts[1])
            #expect(header.object?.names == ["alg", "kid", "typ"])
            #expect(header["alg"] == "EdDSA" && header["typ"] == "at+jwt")
            #expect(claims.object?.names == ["aud", "exp", "gen", "iat", "iss", "jti", "sid", "sub"])
            #expect(claims["iss"]?.string == server.server.log.origin)
            let set = try await server.send(.get, "/.well-known/jwks.json")
            #expect(set.headers["content-type"] == "application/jwk-set+json")
            let key = try #require(set["keys"]?.array?.first(where: { $0["kid"] == header["kid"] }))
            #expect(key["kty"] == "OKP" && key["crv"] == "Ed25519" && key["d"] == nil)
            let x = try #require(key["x"]?.string).replacing("-", with: "+").replacing("_", with: "/") + "="
            let publicKey = try Curve25519.Signing.PublicKey(
                rawRepresentation: try #require(Data(base64Encoded: x)))
            let signature = String(parts[2]).replacing("-", with: "+").replacing("_", with: "/") + "=="
            #expect(
                publicKey.isValidSignature(
                    try #require(Data(base64Encoded: signature)), for: Data("\(parts[0]).\(parts[1])".utf8)))
        }
    }

    @Test(
        "a token with another algorithm, key, type, audience, issuer, member, a changed byte or more members is refused"
    )
    func forged() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let tokens = try await server.signIn()
            let parts = tokens.access.split(separator: ".").map(String.init)
            let header = try Self.json(tokens.access.split(separator: ".")[0])
            func with(_ name: String, _ value: JSONValue?) -> String {
                var object = header.object ?? JSONObject()
                object[name] = value
                return Self.part(.object(object))
            }
            let publicKey = try await server.send(.get, "/.well-known/jwks.json")["keys"]?.array?.first?["x"]?.string
            let hmac = HMAC<SHA256>.authenticationCode(
                for: Data("\(with("alg", "HS256")).\(parts[1])".utf8),
                using: SymmetricKey(data: Data((publicKey ?? "").utf8)))
            var forged = [
                "\(with("alg", "none")).\(parts[1]).", "\(with("alg", "none")).\(parts[1]).\(parts[2])",
                "\(with("alg", "HS256")).\(parts[1]).\(Self.part(Array(hmac)))",
                "\(with("kid", "jwt-0000000000000000")).\(parts[1]).\(parts[2])",
                "\(with("kid", nil)).\(parts[1]).\(parts[2])", "\(with("crit", ["exp"])).\(parts[1]).\(parts[2])",
                "\(with("typ", "rt+jwt")).\(parts[1]).\(parts[2])", "\(parts[0]).\(parts[1])", "..", "a.b.c",
                tokens.access + ".x", tokens.refresh,
            ]
            for place in [0, 1, 2] {
                var changed = parts
                let middle = changed[place].index(changed[place].startIndex, offsetBy: changed[place].count / 2)
                changed[place].replaceSubrange(middle...middle, with: changed[place][middle] == "A" ? "B" : "A")
                forged.append(changed.joined(separator: "."))
            }
            for token in forged { #expect(try await server.whoIs(token) == 401, "\(token)") }
            #expect(try await server.refresh(tokens.access).status == 401, "an access token refreshes nothing")
            #expect(try await server.whoIs(tokens.access) == 200)
        }
    }

    @Test("claims of another deployment or a longer life are refused even under our signature")
    func foreignClaims() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let access = try await server.signIn().access
            let service = server.server.identity.tokens
            let claims = try #require(await service.claims(of: access, .access))
            #expect(await service.claims(of: access, .refresh) == nil)
            let other = try await TestServer.with { other in
                _ = try await other.signUpOwner()
                return try await other.signIn().access
            }
            #expect(try await server.whoIs(other) == 401)
            #expect(claims.exp - claims.iat == 900)
        }
    }

    @Test("a new key signs from now on; what the old one signed stays valid until it expires")
    func rotation() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let before = try await server.signIn()
            let rotated = try await server.operate("POST", "/token-keys")
            let kid = try #require(rotated["kid"]?.string)
            let after = try await server.signIn()
            #expect(try Self.json(after.access.split(separator: ".")[0])["kid"]?.string == kid)
            #expect(try await server.whoIs(before.access) == 200)
            #expect(try await server.refresh(before.refresh).status == 200)
            #expect(try await server.send(.get, "/.well-known/jwks.json")["keys"]?.array?.count == 2)
        }
    }
}
