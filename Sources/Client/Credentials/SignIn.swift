public import CanonicalJSON

/// Getting an API key, and keeping it.
public struct SignIn: Sendable {
    private let client: APIClient
    private let file: CredentialFile

    public init(_ client: APIClient, keepingIn file: CredentialFile) {
        self.client = client
        self.file = file
    }

    /// A new customer and its first key.
    public func signUp(email: String, password: String?, name: String?) async throws(ClientError) -> JSONValue {
        var body: JSONObject = .init()
        body["email"] = .string(email)
        if let password { body["password"] = .string(password) }
        if let name { body["name"] = .string(name) }
        return try keep(try await client.json(APIRequest(.post, "/v1/signup", body: .json(.object(body)))))
    }

    /// Signs a member in once, to make a key that is used from then on; the sign-in itself is ended.
    ///
    /// - Parameters:
    ///   - keyName: what the key is called in lists.
    ///   - permissions: names, or one preset; nil is all that the member may do.
    public func signIn(
        email: String, password: String, keyName: String, permissions: JSONValue?
    ) async throws(ClientError) -> JSONValue {
        let tokens = try await client.json(
            APIRequest(
                .post, "/v1/auth/login", body: .json(["email": .string(email), "password": .string(password)])))
        guard let token = tokens["access_token"]?.string else {
            throw ClientError(.unexpected, "The server signed in without an access token.")
        }
        var body = JSONObject()
        body["name"] = .string(keyName)
        if let permissions { body["permissions"] = permissions }
        var request = APIRequest(.post, "/v1/api-keys", body: .json(.object(body)))
        request.bearer = token
        let kept = try keep(try await client.json(request))
        var end = APIRequest(.post, "/v1/auth/logout")
        end.bearer = token
        _ = try await client.json(end)
        return kept
    }

    /// Keeps a key that was made elsewhere, once the server has accepted it.
    public func use(key: String) async throws(ClientError) -> JSONValue {
        var request = APIRequest(.get, "/v1/customers/me")
        request.bearer = key
        let account: JSONValue
        do throws(ClientError) { account = try await client.json(request) } catch {
            // A key without the permission account:read is a key all the same.
            guard error.status == 403 else { throw error }
            account = ["message": "The key works; it may not see the account."]
        }
        try file.save(Credentials(server: client.credentials.server, apiKey: key))
        return account
    }

    /// Revokes the key that was made for this machine, and forgets it.
    ///
    /// - Returns: whether a key was revoked; one that was made elsewhere is only forgotten.
    public func signOut() async throws(ClientError) -> Bool {
        let id = try file.load(allowsInsecure: true)?.keyID
        if let id {
            do throws(ClientError) {
                _ = try await client.json(APIRequest(.delete, "/v1/api-keys/\(APIRequest.encoded(id))"))
            } catch {
                // It is gone already: that is what was wanted.
                guard error.status == 401 || error.status == 404 || error.status == 409 else { throw error }
            }
        }
        _ = try file.remove()
        return id != nil
    }

    /// Keeps the key of an answer, and returns the answer without it.
    private func keep(_ answer: JSONValue) throws(ClientError) -> JSONValue {
        guard var shown = answer.object, let key = answer["api_key"]?.string else {
            throw ClientError(.unexpected, "The server made a key and did not show it.")
        }
        try file.save(
            Credentials(server: client.credentials.server, apiKey: key, keyID: answer["id"]?.string))
        shown["api_key"] = nil
        shown["message"] = .string("The API key is kept in \(file.path).")
        return .object(shown)
    }
}
