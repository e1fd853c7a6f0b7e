import ArgumentParser
import API

await NRXServer.main()
