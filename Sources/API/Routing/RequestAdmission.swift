import HTTPTypes
import Hummingbird
import Ledger
import Projections
import Proofs

/// Decides whether a request is let in: by the limits of its address and its key, by who sends it, and by what they may do.
/// The one place where that happens, so that no route can forget it.
final class RequestAdmission: Sendable {
    /// How far a decision came without waiting.
    enum Step: Sendable {
        /// Let in; nobody is asked for on public routes.
        case admitted(Principal?)
        /// The key's next block of requests has to be reserved first.
        case uncounted(Principal)
        /// A token that was signed for a member has to be checked.
        case token(String, isCookie: Bool)
    }

    private let authenticator: Authenticator
    private let memberAuthenticator: MemberAuthenticator
    private let meter: RequestMeter
    private let limits: RequestLimits

    init(
        authenticator: Authenticator, memberAuthenticator: MemberAuthenticator, meter: RequestMeter,
        limits: RequestLimits
    ) {
        self.authenticator = authenticator
        self.memberAuthenticator = memberAuthenticator
        self.meter = meter
        self.limits = limits
    }

    /// Goes as far as it can without waiting: for most requests with an API key to the end. A request that is forbidden
    /// counts too.
    func begin(_ request: Request, _ facts: RequestFacts, route: Route) throws(APIError) -> Step {
        if let rule = route.addressLimit { try limits.admit(facts.client, rule, report: facts.limits) }
        if route.setsCookie { try CookieGuard.check(request) }
        switch route.access {
        case .public: return .admitted(nil)
        case .operator: throw .routeNotFound
        case .optionalKey where Self.saysNothingOfWhoAsks(request): return .admitted(nil)
        case .key, .optionalKey, .member: break
        }
        let principal: Principal
        switch try Self.credential(of: request) {
        case .key(let token):
            principal = try authenticator.authenticate(token, from: facts.client, trace: facts.trace)
        case .member(let token, let isCookie): return .token(token, isCookie: isCookie)
        }
        guard let key = principal.key else { return .uncounted(principal) }
        try limits.admit(
            key.id, requestsPerMinute: Plan.of(key.tier).requestsPerMinute(of: key.prefix), report: facts.limits)
        guard meter.countReserved(key) != nil else { return .uncounted(principal) }
        try Self.check(principal, on: route)
        return .admitted(principal)
    }

    /// Who sends a request that can be let in without waiting, already counted; nil when that is not certain, and then
    /// nothing was counted or noted.
    func reserve(_ request: Request, _ facts: RequestFacts, route: Route) -> Reserved? {
        switch route.access {
        case .public: return route.setsCookie ? nil : Reserved()
        case .key: break
        case .optionalKey, .member, .operator: return nil
        }
        guard let header = request.headers[.authorization], let token = BearerToken(header), !token.isAccessToken,
            let principal = authenticator.isAccepted(token.text, from: facts.client), let key = principal.key,
            let reservation = meter.countReserved(key)
        else { return nil }
        return Reserved(principal: principal, reservation: reservation)
    }

    /// What ``reserve(_:_:route:)`` found out.
    struct Reserved: Sendable {
        var principal: Principal?
        fileprivate var reservation: RequestMeter.Reservation?

        fileprivate init(principal: Principal? = nil, reservation: RequestMeter.Reservation? = nil) {
            self.principal = principal
            self.reservation = reservation
        }
    }

    /// Counts what was reserved under the limits of the route and the key. A request that is refused by them was not made.
    func admit(_ reserved: Reserved, _ facts: RequestFacts, route: Route) throws(APIError) {
        do throws(APIError) {
            if let rule = route.addressLimit { try limits.admit(facts.client, rule, report: facts.limits) }
            guard let key = reserved.principal?.key else { return }
            try limits.admit(
                key.id, requestsPerMinute: Plan.of(key.tier).requestsPerMinute(of: key.prefix), report: facts.limits)
        } catch {
            giveBack(reserved)
            throw error
        }
    }

    /// Undoes ``reserve(_:_:route:)`` for a request that was refused before ``admit(_:_:route:)``.
    func giveBack(_ reserved: Reserved) {
        if let reservation = reserved.reservation { meter.giveBack(reservation) }
    }

    /// Waits for what ``begin(_:_:route:)`` could not decide.
    func finish(
        _ step: Step, _ request: Request, _ facts: RequestFacts, route: Route
    ) async throws(APIError) -> Principal? {
        switch step {
        case .admitted(let principal): return principal
        case .uncounted(let principal):
            if let key = principal.key { try await meter.count(key, trace: facts.trace) }
            try Self.check(principal, on: route)
            return principal
        case .token(let token, let isCookie):
            // A signed-in member is under the limit of the address alone.
            let principal = try await member(token, isCookie: isCookie, request)
            try Self.check(principal, on: route)
            return principal
        }
    }

    /// Who sends the request; nothing is counted.
    func identify(_ request: Request, _ facts: RequestFacts) async throws(APIError) -> Principal {
        switch try Self.credential(of: request) {
        case .key(let token): try authenticator.authenticate(token, from: facts.client, trace: facts.trace)
        case .member(let token, let isCookie): try await member(token, isCookie: isCookie, request)
        }
    }

    private enum Credential {
        case key(BearerToken)
        case member(String, isCookie: Bool)
    }

    /// The `Authorization` header goes before the cookie, which needs to be kept from pages of other origins.
    private static func credential(of request: Request) throws(APIError) -> Credential {
        guard let header = request.headers[.authorization] else {
            guard let token = request.cookies[MemberAuthenticator.cookieName]?.value else { throw .unauthorized }
            return .member(token, isCookie: true)
        }
        guard let token = BearerToken(header) else { throw .unauthorized }
        return token.isAccessToken ? .member(token.text, isCookie: false) : .key(token)
    }

    private func member(_ token: String, isCookie: Bool, _ request: Request) async throws(APIError) -> Principal {
        let principal = try await memberAuthenticator.authenticate(
            token, environment: try EnvironmentHeader.read(request))
        if isCookie { try CookieGuard.check(request) }
        return principal
    }

    private static func saysNothingOfWhoAsks(_ request: Request) -> Bool {
        request.headers[.authorization] == nil && request.cookies[MemberAuthenticator.cookieName] == nil
    }

    /// Whether `principal` may use the route.
    static func check(_ principal: Principal, on route: Route) throws(APIError) {
        switch route.access {
        case .key(let needed), .optionalKey(let needed):
            guard principal.permissions.isSuperset(of: needed) else {
                throw .lacking(needed.subtracting(principal.permissions), principal.noun)
            }
        case .public, .member, .operator:
            guard principal.memberID != nil else {
                throw APIError(.forbidden, "This is for signed-in members, not for API keys. Sign in first.")
            }
        }
    }
}

/// Asks again who sent a request that is still being answered.
struct Reidentification: Sendable {
    let admission: RequestAdmission
    let request: Request
    let facts: RequestFacts
    let principal: Principal?

    /// Whether the request would still be let in, and as the same one.
    func succeeds() async -> Bool {
        do throws(APIError) {
            let now = try await admission.identify(request, facts)
            return now.actor == principal?.actor && now.permissions == principal?.permissions
        } catch { return false }
    }
}
