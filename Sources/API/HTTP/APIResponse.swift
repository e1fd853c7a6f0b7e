public import CanonicalJSON
import HTTPTypes
import Hummingbird
import NIOCore

/// A body that writes itself, waiting for its reader between the pieces.
protocol BodyStream: Sendable {
    var contentType: String { get }
    /// In bytes, when it is known before.
    var contentLength: Int? { get }
    /// Writes all of it and finishes the writer. Cancelled when the reader goes away.
    func write(to writer: inout any ResponseBodyWriter) async throws
}

extension BodyStream {
    var contentLength: Int? { nil }
}

/// What a route answers.
public struct APIResponse: Sendable {
    public var status: Int
    public var headers: [(name: String, value: String)] = []
    public var body: [UInt8]
    public var contentType = "application/json; charset=utf-8"
    /// A body that is written as fast as it is taken, instead of ``body``.
    var stream: (any BodyStream)?

    /// A JSON answer.
    public static func json(_ value: JSONValue, status: Int = 200) -> APIResponse {
        APIResponse(status: status, body: value.canonicalBytes)
    }

    /// An answer without a body.
    static let noContent = APIResponse(status: 204, body: [])

    /// An event stream that is over, whole.
    static func recordedEventStream(_ bytes: [UInt8]) -> APIResponse {
        var response = APIResponse(status: 200, body: bytes)
        response.contentType = "text/event-stream"
        response.headers = [("Cache-Control", "no-store")]
        return response
    }

    /// An answer whose body is written by `stream`.
    static func stream(_ stream: any BodyStream) -> APIResponse {
        var response = APIResponse(status: 200, body: [])
        response.contentType = stream.contentType
        response.headers = [("Cache-Control", "no-store")]
        response.stream = stream
        return response
    }

    init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

extension APIResponse {
    var response: Response {
        Response(status: HTTPResponse.Status(code: status), headers: fields, body: responseBody)
    }

    /// The header fields that the answer itself brings.
    var fields: HTTPFields {
        var fields = HTTPFields()
        // Appended, not set: setting looks for what is there, and there is nothing.
        if status != 204 { fields.append(HTTPField(name: .contentType, value: contentType)) }
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        return fields
    }

    private var responseBody: ResponseBody {
        if let stream {
            return ResponseBody(contentLength: stream.contentLength) { writer in try await stream.write(to: &writer) }
        }
        return ResponseBody(byteBuffer: ByteBuffer(bytes: body))
    }
}
