import HTTPTypes
import Hummingbird
import Ledger
import Proofs

/// Finds out which signed-in member a request comes from: by an access token, in the `Authorization` header or in the
/// cookie `access_token`.
struct MemberAuthenticator: Sendable {
    static let cookieName = "access_token"

    let tokens: TokenService
    let ledger: LedgerService

    /// Looks the token's sign-in up in the ledger's state: what ended a moment ago no longer counts.
    ///
    /// - Throws: `unauthorized`.
    func authenticate(_ token: String, environment: KeyEnvironment) async throws(APIError) -> Principal {
        guard let claims = await tokens.claims(of: token, .access), let signInID = SignInID(claims.sid) else {
            throw .signedOut
        }
        let found = ledger.read { $0.signedInMember(signInID, generation: claims.gen) }
        guard let member = found, !member.isRemoved, member.id.text == claims.sub else { throw .signedOut }
        return Principal(
            identity: .member(member.id), customerID: member.customerID, environment: environment,
            permissions: member.role.permissions, signInID: signInID)
    }
}

/// Which of a customer's two worlds a member works in: `Nrx-Environment: test`, or live. Keys carry theirs in their prefix.
enum EnvironmentHeader {
    private static let name = HTTPField.Name("Nrx-Environment")

    /// - Throws: `badRequest` for anything but `live` and `test`.
    static func read(_ request: Request) throws(APIError) -> KeyEnvironment {
        guard let name, let text = request.headers[name] else { return .live }
        guard let environment = KeyEnvironment(rawValue: text) else {
            throw APIError(.badRequest, "`Nrx-Environment` must be live or test.")
        }
        return environment
    }
}
