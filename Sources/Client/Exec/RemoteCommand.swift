import AsyncHTTPClient
public import CanonicalJSON
import NIOCore

/// A command in a session: its output appears here as it is written there, and its end is this program's.
public struct RemoteCommand: Sendable {
    /// A shell command, or a program and its arguments.
    public enum Command: Sendable {
        case shell(String)
        case arguments([String])
    }

    public var command: Command
    /// Absolute inside the session; nil is the workspace.
    public var workingDirectory: String?
    public var environment: [String: String] = [:]
    /// In seconds.
    public var timeoutSeconds: Int64?
    /// Written to `input/data` in the workspace before the command starts.
    public var input: String?

    public init(_ command: Command) { self.command = command }

    /// The request's body.
    var body: JSONValue {
        var body = JSONObject()
        switch command {
        case .shell(let text): body["command"] = .string(text)
        case .arguments(let arguments): body["command"] = .array(arguments.map { .string($0) })
        }
        if let workingDirectory { body["cwd"] = .string(workingDirectory) }
        if let timeoutSeconds { body["timeout"] = .integer(timeoutSeconds) }
        if let input { body["input_data"] = .string(input) }
        if !environment.isEmpty {
            var variables = JSONObject()
            for (name, value) in environment { variables[name] = .string(value) }
            body["env"] = .object(variables)
        }
        return .object(body)
    }

    /// Runs it to its end.
    ///
    /// - Returns: the members of the result without the output; `exit_code` is the command's, or 128 and its signal.
    /// - Throws: ``ClientError`` when it did not run, or its end was not seen: never a success then.
    public func run(
        in session: String, by client: APIClient, output: OutputFile = .standardOutput,
        errors: OutputFile = .standardError
    ) async throws(ClientError) -> JSONValue {
        var request = APIRequest(.post, "/v1/sessions/\(APIRequest.encoded(session))/exec", body: .json(body))
        request.accept = "text/event-stream"
        let response = try await client.open(request)
        var reader = EventStreamReader()
        var pieces = response.body.makeAsyncIterator()
        while let piece = try await Self.next(&pieces) {
            for event in try reader.receive(piece.readableBytesView) {
                switch event.name {
                case "stdout": try await output.write(try Self.text(event))
                case "stderr": try await errors.write(try Self.text(event))
                case "result": return try Self.value(event)
                case "error": throw try Self.failure(event)
                default: break
                }
            }
        }
        throw ClientError(
            .network, "The connection ended before the command did. It may still run: look at the session's events.")
    }

    private static func next(_ pieces: inout HTTPClientResponse.Body.AsyncIterator) async throws(ClientError)
        -> ByteBuffer?
    {
        do { return try await pieces.next() } catch {
            throw ClientError(.network, "The connection broke while the command ran: \(error).")
        }
    }

    private static func value(_ event: EventStreamReader.Event) throws(ClientError) -> JSONValue {
        do { return try JSONReader.read(Array(event.data.utf8), numbers: .ieee754) } catch {
            throw ClientError(.unexpected, "The server sent an event that is not JSON.")
        }
    }

    private static func text(_ event: EventStreamReader.Event) throws(ClientError) -> String {
        guard let text = try value(event)["text"]?.string else {
            throw ClientError(.unexpected, "The server sent output without text.")
        }
        return text
    }

    private static func failure(_ event: EventStreamReader.Event) throws(ClientError) -> ClientError {
        let document = try value(event)
        return ClientError(
            .refused, document["message"]?.string ?? "The command could not be run.",
            status: document["status"]?.integer.map { Int($0) }, answer: document)
    }
}
