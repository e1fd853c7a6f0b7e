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

    /// A JSON answer.
    public static func json(_ value: JSONValue, status: Int = 200) -> APIResponse {
        APIResponse(status: status, body: value.canonicalBytes)
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
        return Response(
            status: HTTPResponse.Status(code: status), headers: fields,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}
