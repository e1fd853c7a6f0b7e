public import CanonicalJSON
import HTTPTypes
import Hummingbird
import NIOCore

/// What a route answers.
public struct APIResponse: Sendable {
    public var status: Int
    public var headers: [(name: String, value: String)] = []
    public var body: [UInt8]
    public var contentType = "application/json; charset=utf-8"
    /// What follows as it happens, instead of ``body``.
    var events: AsyncStream<ServerSentEvent>?

    /// A JSON answer.
    public static func json(_ value: JSONValue, status: Int = 200) -> APIResponse {
        APIResponse(status: status, body: value.canonicalBytes)
    }

    /// An answer that goes on until `events` ends.
    static func eventStream(_ events: AsyncStream<ServerSentEvent>) -> APIResponse {
        var response = recordedEventStream([])
        response.events = events
        return response
    }

    /// An event stream that is over, whole.
    static func recordedEventStream(_ bytes: [UInt8]) -> APIResponse {
        var response = APIResponse(status: 200, body: bytes)
        response.contentType = "text/event-stream"
        response.headers = [("Cache-Control", "no-store")]
        return response
    }

    init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

extension APIResponse {
    var response: Response {
        var fields = HTTPFields()
        fields[.contentType] = contentType
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        return Response(status: HTTPResponse.Status(code: status), headers: fields, body: responseBody)
    }

    private var responseBody: ResponseBody {
        guard let events else { return ResponseBody(byteBuffer: ByteBuffer(bytes: body)) }
        return ResponseBody { writer in
            for await event in events { try await writer.write(ByteBuffer(bytes: event.bytes)) }
            try await writer.finish(nil)
        }
    }
}
