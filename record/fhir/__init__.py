"""The record in the words of FHIR R4: pure functions from frozen facts to resources."""
