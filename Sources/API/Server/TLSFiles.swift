import NIOSSL

/// The certificate chain and the private key of the server, as PEM files.
struct TLSFiles: Sendable {
    let certificateFile: String
    let privateKeyFile: String

    /// Reads both; TLS 1.2 and newer.
    ///
    /// - Throws: ``ServerError`` naming the option whose file cannot be used.
    func configuration() throws(ServerError) -> TLSConfiguration {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(certificateFile) } catch {
            throw ServerError("--tls-cert \(certificateFile): no PEM certificate chain can be read from it (\(error)).")
        }
        guard !chain.isEmpty else { throw ServerError("--tls-cert \(certificateFile): it holds no certificate.") }
        let key: NIOSSLPrivateKey
        do { key = try NIOSSLPrivateKey(file: privateKeyFile, format: .pem) } catch {
            throw ServerError("--tls-key \(privateKeyFile): no PEM private key can be read from it (\(error)).")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        do { _ = try NIOSSLContext(configuration: configuration) } catch {
            throw ServerError("--tls-cert and --tls-key do not belong together or cannot be used: \(error).")
        }
        return configuration
    }
}
