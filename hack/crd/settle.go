package main

import (
	"maps"
	"strings"
)

// duration is what time.ParseDuration reads, and so few digits that it does not overflow.
const duration = `^-?(0|([0-9]{1,5}(\.[0-9]{1,9})?h|[0-9]{1,7}(\.[0-9]{1,9})?m|[0-9]{1,9}(\.[0-9]{1,9})?(s|ms|us|µs|ns)){1,6})$`

// looseExponent is a part of the pattern that Kubernetes' quantities come with;
// resource.Quantity reads whole exponents alone.
const looseExponent, exponent = `(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`, `[0-9]{1,3}))?$`

// The parts of a time in RFC 3339: a year, with its days, and a time of day with
// its zone.
const (
	leapYear     = `([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29`
	anyYear      = `[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))`
	clock        = secondsClock + `(\.[0-9]{1,9})?` + zone
	secondsClock = `T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]`
	zone         = `(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])`
)

// timestamp is what metav1.Time reads.
const timestamp = `^(` + anyYear + `|` + leapYear + `)` + clock + `$`

// microTimestamp is what metav1.MicroTime reads; its schema is that of metav1.Time.
const microTimestamp = `^(` + anyYear + `|` + leapYear + `)` + secondsClock + `\.[0-9]{6}` + zone + `$`

// base64 is what []byte reads.
const base64 = `^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$`

// The bounds of whole numbers. Those of 64 bits are the last ones that the API
// server, which compares with a float64, tells from what is beyond.
const min32, max32, min64, max64 = -1 << 31, 1<<31 - 1, -1<<63 + 1<<10, 1<<63 - 1<<10

// settle completes a schema so that Go reads whatever it allows: an object that is
// stored and cannot be read is one that no run can be made of.
func settle(in any) {
	if list, ok := in.([]any); ok {
		for _, e := range list {
			settle(e)
		}
	}
	schema, _ := in.(map[string]any)
	settleNumber(schema)
	switch {
	case schema["format"] == "byte":
		schema["pattern"] = base64
	case schema["format"] == "date-time" && schema["pattern"] == nil:
		schema["pattern"] = timestamp
	}
	for key, v := range schema {
		if field, ok := v.(map[string]any); ok {
			settleField(key, field)
			if key == "received" && field["format"] == "date-time" {
				field["pattern"] = microTimestamp
			}
		}
		if key != "anyOf" {
			settle(v)
		}
	}
}

// settleNumber bounds a number, or a number beside a string.
func settleNumber(schema map[string]any) {
	pattern, isQuantity := schema["pattern"].(string)
	switch {
	case schema["x-kubernetes-int-or-string"] == true && isQuantity:
		schema["pattern"] = strings.Replace(pattern, looseExponent, exponent, 1)
	case schema["x-kubernetes-int-or-string"] == true, schema["type"] == "integer" && schema["format"] == "int32":
		bound(schema, min32, max32)
	case schema["type"] == "integer":
		bound(schema, min64, max64)
	}
}

// bound gives a number the bounds that it has not.
func bound(schema map[string]any, least, most int64) {
	if _, ok := schema["minimum"]; !ok {
		schema["minimum"] = least
	}
	if _, ok := schema["maximum"]; !ok {
		schema["maximum"] = most
	}
}

func settleField(name string, field map[string]any) {
	parts, _ := field["properties"].(map[string]any)
	switch {
	case name == "timeout" && field["type"] == "string":
		field["pattern"] = duration
	case name == "timeouts":
		for _, part := range parts {
			part.(map[string]any)["pattern"] = duration
		}
	case name == "metadata" && field["type"] == "object" && parts == nil:
		field["properties"] = objectMeta()
	case name == "volumeClaimTemplate" && parts["status"] != nil:
		parts["status"] = open()
	case name == "workspaces":
		settleUsage(field)
	}
}

// settleUsage keeps the spelling mountpath of mountPath, where a step or sidecar
// has it; see v1.WorkspaceUsage.
func settleUsage(workspaces map[string]any) {
	items, _ := workspaces["items"].(map[string]any)
	parts, _ := items["properties"].(map[string]any)
	if len(parts) == 2 && parts["name"] != nil && parts["mountPath"] != nil {
		parts["mountpath"] = map[string]any{"type": "string", "description": "The same as mountPath, as older manifests have it."}
	}
}

// open is the schema of an object that has no effect, whatever it holds.
func open() map[string]any {
	return map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
}

// objectMeta is the schema of the metadata of an object inside another, of which
// controller-gen says nothing. All that an object read from a cluster has is taken.
func objectMeta() map[string]any {
	text := map[string]any{"type": "string"}
	texts := map[string]any{"type": "object", "additionalProperties": text}
	number := map[string]any{"type": "integer", "format": "int64"}
	date := map[string]any{"type": "string", "format": "date-time", "nullable": true}
	list := func(items any) map[string]any { return map[string]any{"type": "array", "items": items} }
	meta := map[string]any{"labels": texts, "annotations": texts, "finalizers": list(text), "generation": number, "deletionGracePeriodSeconds": number,
		"creationTimestamp": date, "deletionTimestamp": date, "ownerReferences": list(open()), "managedFields": list(open())}
	for _, name := range []string{"name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"} {
		meta[name] = maps.Clone(text)
	}
	return meta
}
