// Schemas makes, of the OpenAPI files of a Kubernetes version, the JSON Schemas that
// kubeconform reads: one file for each kind, and no field that the version does not have.
//
//	schemas OPENAPI-FOLDER OUT-FOLDER
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "schemas: give a folder of OpenAPI files and a folder to write to")
		os.Exit(2)
	}
	if err := convert(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func convert(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(name) != ".json" {
			return err
		}
		data, err := os.ReadFile(name)
		return errors.Join(err, file(data, to))
	})
}

// file writes the kinds of one group and version.
func file(data []byte, to string) error {
	data = []byte(strings.ReplaceAll(string(data), "#/components/schemas/", "#/definitions/"))
	var doc struct {
		Components struct {
			Schemas map[string]map[string]any
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return err
	}
	all := doc.Components.Schemas
	for _, s := range all {
		strict(s)
	}
	for name, s := range all {
		for _, out := range kinds(s) {
			schema, err := json.Marshal(map[string]any{"$ref": "#/definitions/" + name, "definitions": all})
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(to, out), schema, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// strict lets an object have the fields that are named, and no others.
func strict(s map[string]any) {
	fields, named := s["properties"].(map[string]any)
	if _, open := s["additionalProperties"]; named && !open {
		s["additionalProperties"] = false
	}
	for _, field := range fields {
		if nested, ok := field.(map[string]any); ok {
			strict(nested)
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if nested, ok := s[key].(map[string]any); ok {
			strict(nested)
		}
	}
}

// kinds gives the file names of what a schema is of, as kubeconform asks for them.
func kinds(s map[string]any) (names []string) {
	list, _ := s["x-kubernetes-group-version-kind"].([]any)
	if len(list) > 1 {
		return nil // shared by all groups, as DeleteOptions
	}
	for _, entry := range list {
		gvk, _ := entry.(map[string]any)
		kind, _ := gvk["kind"].(string)
		group, _ := gvk["group"].(string)
		version, _ := gvk["version"].(string)
		name := strings.ToLower(kind)
		if group, _, _ := strings.Cut(group, "."); group != "" {
			name += "-" + group
		}
		names = append(names, name+"-"+version+".json")
	}
	return names
}
