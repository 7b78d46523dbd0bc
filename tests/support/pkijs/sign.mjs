// What signing needs of PKI.js and asn1js; the rest is left out of the bundle where nothing of this asks for it.
export {
  Attribute, Certificate, ContentInfo, EncapsulatedContentInfo, IssuerAndSerialNumber, SignedAndUnsignedAttributes,
  SignedData, SignerInfo,
} from "pkijs";
export { ObjectIdentifier, OctetString, UTCTime } from "asn1js";
